"""Kubernetes' variables for a Service are told from settings."""

import pytest

from service.service_links import service_links
from service.settings import ENV_PREFIX, Settings
from tests.service.service_process import start_and_fail

# What the kubelet sets for a Service `graft` with the port `http`, and for `graft-metrics`.
LINKS = {
    "GRAFT_SERVICE_HOST": "10.96.12.7",
    "GRAFT_SERVICE_PORT": "80",
    "GRAFT_SERVICE_PORT_HTTP": "80",
    "GRAFT_PORT": "tcp://10.96.12.7:80",
    "GRAFT_PORT_80_TCP": "tcp://10.96.12.7:80",
    "GRAFT_PORT_80_TCP_PROTO": "tcp",
    "GRAFT_PORT_80_TCP_PORT": "80",
    "GRAFT_PORT_80_TCP_ADDR": "10.96.12.7",
    "GRAFT_METRICS_PORT": "tcp://10.96.12.8:9000",
    "GRAFT_METRICS_SERVICE_HOST": "10.96.12.8",
    "GRAFT_METRICS_SERVICE_PORT": "9000",
    "GRAFT_METRICS_PORT_9000_TCP": "tcp://10.96.12.8:9000",
    "GRAFT_METRICS_PORT_9000_UDP_ADDR": "10.96.12.8",
}


def test_a_service_of_our_name_changes_no_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in LINKS.items():
        monkeypatch.setenv(name, value)
    settings = Settings()
    assert (settings.port, settings.metrics_port) == (8000, None)


def test_every_such_variable_is_known_and_no_setting_is_one() -> None:
    assert service_links(LINKS, prefix=ENV_PREFIX) == set(LINKS)
    settings = {f"{ENV_PREFIX}{name.upper()}": "9000" for name in Settings.model_fields}
    assert service_links(settings, prefix=ENV_PREFIX) == set()
    assert service_links({"OTHER_PORT": "tcp://10.0.0.1:1"}, prefix=ENV_PREFIX) == set()


def test_they_are_named_in_one_line_with_the_remedy() -> None:
    ended = start_and_fail(**LINKS, GRAFT_PROVIDER="tpu")
    lines = [line for line in ended.stderr.splitlines() if "GRAFT_PORT_80_TCP" in line]
    assert len(lines) == 1
    assert all(name in lines[0] for name in LINKS)
    assert "enableServiceLinks: false" in lines[0]
    assert "is no setting" not in ended.stderr
    assert "GRAFT_PORT:" not in ended.stderr
    assert "GRAFT_PROVIDER" in ended.stderr
