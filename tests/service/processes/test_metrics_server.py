"""`/metrics` on a port of its own: open, and nothing else there."""

import socket
from pathlib import Path

import httpx2
import pytest
from pydantic import ValidationError

from service.settings import Settings
from tests.builders import coloured, make_package
from tests.ports import free_port
from tests.service.service_process import running, start_and_fail

KEY = "a-long-key"


@pytest.mark.parametrize("workers", ["1", "2"])
def test_it_counts_for_whoever_asks_and_serves_nothing_else(
    models_dir: Path, tmp_path: Path, workers: str
) -> None:
    make_package(models_dir)
    port = free_port()
    settings = {"GRAFT_METRICS_PORT": str(port), "GRAFT_API_KEYS": KEY, "GRAFT_WORKERS": workers}
    with running(models_dir, **settings) as service:
        address = f"http://127.0.0.1:{port}"
        for _ in range(4):
            answer = httpx2.post(
                f"{service.url}/predict", content=coloured("red"), headers={"X-API-Key": KEY}
            )
            assert answer.status_code == 200
        for _ in range(4):
            scraped = httpx2.get(f"{address}/metrics")
            assert scraped.headers["content-type"].startswith("text/plain; version=0.0.4")
            predicted = 'route="/predict",status="200"} 4.0'
            assert predicted in scraped.text
            assert 'graft_model_state{model="colours"' in scraped.text
        for path in ("/", "/models", "/predict", "/health/live", "/docs"):
            assert httpx2.get(f"{address}{path}").status_code == 404
        assert httpx2.get(f"{service.url}/metrics").status_code == 401
        assert service.stop() == 0
        assert "Traceback" not in service.log


def test_a_port_that_is_taken_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ended = start_and_fail(GRAFT_METRICS_PORT=str(taken.getsockname()[1]))
    assert ended.returncode == 2
    assert "GRAFT_METRICS_PORT" in ended.stderr


def test_the_service_has_a_port_of_its_own() -> None:
    with pytest.raises(ValidationError, match="choose another"):
        Settings(port=9000, metrics_port=9000)
