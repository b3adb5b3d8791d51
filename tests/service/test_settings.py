"""Settings from the environment: what is read, refused and warned of."""

import pytest
from pydantic import ValidationError

from service.settings import Settings, is_loopback, misspelt_variables


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for field in Settings.model_fields:
        monkeypatch.delenv(f"GRAFT_{field.upper()}", raising=False)


def test_a_variable_sets_its_field(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRAFT_PORT", "9001")
    assert Settings().port == 9001


def test_an_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRAFT_DEFAULT_MODEL", "")
    assert Settings().default_model is None


@pytest.mark.parametrize(
    "text", ["first-key,second-key", " first-key , second-key ,", '["first-key", "second-key"]']
)
def test_keys_are_a_comma_list_or_json(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("GRAFT_API_KEYS", text)
    keys = [key.get_secret_value() for key in Settings().api_keys]
    assert keys == ["first-key", "second-key"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GRAFT_PORT", "65536"),
        ("GRAFT_PORT", "http"),
        ("GRAFT_PROVIDER", "tpu"),
        ("GRAFT_MAX_IMAGES", "0"),
        ("GRAFT_REQUEST_TIMEOUT_S", "0"),
        ("GRAFT_TRIAL_CPU_S", "inf"),
        ("GRAFT_RATE_LIMIT_PER_S", "nan"),
        ("GRAFT_API_KEYS", "short"),
        ("GRAFT_API_KEYS", "[broken"),
        ("GRAFT_KEEP_ALIVE_S", "0"),
        ("GRAFT_CORS_ORIGINS", "example.org"),
        ("GRAFT_CORS_ORIGINS", "https://example.org/path"),
        ("GRAFT_CORS_ORIGINS", "https://*.example.org"),
        ("GRAFT_CORS_ORIGINS", "null"),
        ("GRAFT_METRICS_PORT", "65536"),
        ("GRAFT_LOG_LEVEL", "loud"),
        ("GRAFT_HOST", "0.0.0.0"),
        ("GRAFT_HOST", "::"),
        ("GRAFT_MAX_REQUEST_BYTES", str(2**40)),
    ],
)
def test_a_value_that_does_not_fit_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError):
        Settings()


def test_origins_are_kept_as_browsers_send_them(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "https://App.example.org/, http://localhost:80 ,https://a.b:443,capacitor://localhost,*"
    monkeypatch.setenv("GRAFT_CORS_ORIGINS", text)
    assert Settings().cors_origins == (
        "https://app.example.org",
        "http://localhost",
        "https://a.b",
        "capacitor://localhost",
        "*",
    )


def test_a_gpu_that_is_required_and_excluded_is_refused() -> None:
    with pytest.raises(ValidationError, match="contradict"):
        Settings(require_gpu=True, provider="cpu")


@pytest.mark.parametrize(
    "settings",
    [{"api_keys": ("a-long-key",)}, {"allow_anonymous": True}],
    ids=["with a key", "when told to"],
)
def test_the_service_may_listen_beyond_this_machine(settings: dict[str, object]) -> None:
    assert Settings.model_validate({"host": "0.0.0.0", **settings}).host == "0.0.0.0"


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Settings().port = 1


def test_keys_are_not_shown() -> None:
    assert "a-long-key" not in repr(Settings.model_validate({"api_keys": ["a-long-key"]}))


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.1", False),
        ("example.org", False),
    ],
)
def test_loopback_is_told_from_the_rest(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


def test_a_misspelt_variable_is_named_with_the_right_one() -> None:
    (message,) = misspelt_variables(["GRAFT_POTR", "GRAFT_HOST", "PATH"])
    assert "GRAFT_POTR" in message
    assert "GRAFT_PORT" in message
