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


HEX = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    "given",
    [
        *("sha256:x", "sha256:" + "A" * 64, "sha256:" + "a" * 63, "short"),
        *(
            f"{form}{HEX}"
            for form in ("SHA256:", "Sha256:", "sha-256:", "sha512:", "sha256=", "md5:")
        ),
        *(
            f"{form}{HEX}"
            for form in ("sha3-256:", "blake2b:", "{SSHA256}", "$2b$12$", "argon2id$")
        ),
        *('"predict-key-1', "predict-key-1'", '"key-one-1","key-two-2', "key with blanks"),
        *("schlüssel-lang", "key-with-\x7f"),
    ],
)
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


@pytest.mark.parametrize(
    "setting",
    [
        "key-one-1, key-two-2",
        '"key-one-1,key-two-2"',
        "'key-one-1, key-two-2'",
        "\"key-one-1\", 'key-two-2'",
        '["key-one-1", "key-two-2"]',
        """'["key-one-1", "key-two-2"]'""",
    ],
)
def test_quotes_that_an_env_file_keeps_are_no_part_of_a_key(setting: str) -> None:
    keys = Settings.model_validate({"api_keys": setting}).api_keys
    assert [key.get_secret_value() for key in keys] == ["key-one-1", "key-two-2"]


@pytest.mark.parametrize(
    "key", [HEX, "sha256sum-of-nothing", "md-key-12", "a{b}c$d$e", "it's-a-key"]
)
def test_a_key_may_look_like_much(key: str) -> None:
    assert key_digest(key) == sent_digest(key)


def test_the_command_makes_a_new_key_each_time_with_its_hash(
    capsys: pytest.CaptureFixture[str],
) -> None:
    made = []
    for _ in range(2):
        assert main([]) == 0
        key, hashed = (line.split()[-1] for line in capsys.readouterr().out.splitlines())
        assert hashed == hashed_form(key)
        made.append(key)
    assert made[0] != made[1]
    assert len(made[0]) >= 40


def test_help_makes_no_key(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    assert "sha256:" not in capsys.readouterr().out
