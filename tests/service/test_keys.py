"""Keys in clear and as hashes."""

import hashlib

import pytest
from fastapi.testclient import TestClient
from pydantic import ValidationError

from service.keys import hashed_form, key_digest, main, sent_digest
from service.settings import Settings
from tests.conftest import ClientFactory

KEY = "predict-key-1"


def test_both_forms_of_a_key_are_the_same_key() -> None:
    assert key_digest(KEY) == key_digest(hashed_form(KEY)) == sent_digest(KEY)
    assert hashed_form(KEY) == "sha256:" + hashlib.sha256(KEY.encode()).hexdigest()


@pytest.mark.parametrize("given", ["sha256:x", "sha256:" + "A" * 64, "sha256:" + "a" * 63, "short"])
def test_what_is_no_key_stops_the_start_and_is_not_repeated(given: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Settings.model_validate({"api_keys": given})
    assert given not in str(caught.value)


def test_a_key_configured_as_its_hash_opens_and_the_hash_does_not(
    start_service: ClientFactory,
) -> None:
    client: TestClient = start_service(api_keys=hashed_form(KEY))
    assert client.get("/models", headers={"x-api-key": KEY}).status_code == 200
    assert client.get("/models", headers={"x-api-key": hashed_form(KEY)}).status_code == 401


def test_the_command_makes_a_new_key_each_time_with_its_hash(
    capsys: pytest.CaptureFixture[str],
) -> None:
    made = []
    for _ in range(2):
        assert main() == 0
        key, hashed = (line.split()[-1] for line in capsys.readouterr().out.splitlines())
        assert hashed == hashed_form(key)
        made.append(key)
    assert made[0] != made[1]
    assert len(made[0]) >= 40
