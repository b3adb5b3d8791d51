"""What is wrong with a setting, as its user reads it."""

import pytest
from pydantic import ValidationError

from service.settings import Settings
from service.settings_errors import settings_message


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("PORT", "eight", "GRAFT_PORT must be a whole number, without a unit, got 'eight'"),
        (
            "PORT",
            '"9209"',
            "GRAFT_PORT must be a whole number, without a unit, got '\"9209\"'; the quotes are part of the "
            "value here, leave them out",
        ),
        (
            "MAX_IMAGE_BYTES",
            "16MiB",
            "GRAFT_MAX_IMAGE_BYTES must be a whole number, without a unit, got '16MiB'",
        ),
        ("ALLOW_ANONYMOUS", "ja", "GRAFT_ALLOW_ANONYMOUS must be 1 or 0, got 'ja'"),
        (
            "PROVIDER",
            "GPU",
            "GRAFT_PROVIDER must be 'auto', 'tensorrt', 'cuda', 'cpu' or 'openvino', got 'gpu'",
        ),
        ("LOG_FORMAT", "xml", "GRAFT_LOG_FORMAT must be 'text' or 'json', got 'xml'"),
        ("MAX_IMAGES", "0", "GRAFT_MAX_IMAGES must be greater than or equal to 1, got '0'"),
        ("METRICS_PORT", "8000", "GRAFT_METRICS_PORT and GRAFT_PORT are the same; choose another"),
    ],
)
def test_a_fault_names_variable_value_and_remedy(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, message: str
) -> None:
    monkeypatch.setenv(f"GRAFT_{variable}", value)
    with pytest.raises(ValidationError) as caught:
        Settings()
    assert settings_message(caught.value) == message


def test_a_key_is_never_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRAFT_API_KEYS", "s3cret")
    with pytest.raises(ValidationError) as caught:
        Settings()
    message = settings_message(caught.value)
    assert message.startswith("GRAFT_API_KEYS: ")
    assert "s3cret" not in message
