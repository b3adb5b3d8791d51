"""The health check asks where the service listens, whatever said so."""

import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from service.healthcheck import address
from tests.builders import make_package
from tests.service.service_process import ROOT, environment, listening, running


@pytest.mark.parametrize(
    ("variables", "asked"),
    [
        ({}, ("127.0.0.1", 8000)),
        ({"GRAFT_HOST": "0.0.0.0", "GRAFT_PORT": "9000"}, ("127.0.0.1", 9000)),
        ({"GRAFT_HOST": "::", "GRAFT_PORT": "tcp://10.0.0.1:80"}, ("::1", 8000)),
        ({"GRAFT_HOST": "192.0.2.1"}, ("192.0.2.1", 8000)),
        ({"graft_host": "192.0.2.1", "Graft_Port": "9000"}, ("192.0.2.1", 9000)),
        ({"GRAFT_PORT": "8000", "graft_port": "9000"}, ("127.0.0.1", 9000)),
        ({"GRAFT_PORT": "9000", "graft_port": ""}, ("127.0.0.1", 9000)),
        ({"graft_contract": "sagemaker", "GRAFT_PORT": "8000"}, ("127.0.0.1", 8080)),
        ({"GRAFT_CONTRACT": "sagemaker", "GRAFT_PORT": "8000"}, ("127.0.0.1", 8080)),
        (
            {"GRAFT_CONTRACT": "sagemaker", "SAGEMAKER_BIND_TO_PORT": "8181"},
            ("127.0.0.1", 8181),
        ),
        ({"GRAFT_CONTRACT": "vertex", "AIP_HTTP_PORT": "7080"}, ("127.0.0.1", 7080)),
        ({"GRAFT_CONTRACT": "azureml", "GRAFT_PORT": "5001"}, ("127.0.0.1", 5001)),
    ],
)
def test_the_address_is_that_of_the_service(
    variables: dict[str, str], asked: tuple[str, int]
) -> None:
    assert address(variables) == asked


def check(url: str, **variables: str) -> int:
    port = str(urlsplit(url).port)
    command = [sys.executable, "-m", "service.healthcheck"]
    values = environment() | {name: value.format(port=port) for name, value in variables.items()}
    return subprocess.run(command, cwd=ROOT, env=values, check=False, timeout=60).returncode


def test_a_ready_service_is_healthy_under_a_contract_too(models_dir: Path) -> None:
    make_package(models_dir)
    with running(models_dir) as service:
        assert check(service.url, GRAFT_PORT="{port}") == 0
        assert (
            check(service.url, GRAFT_CONTRACT="vertex", AIP_HTTP_PORT="{port}", GRAFT_PORT="1") == 0
        )
        assert check(service.url, GRAFT_PORT="1") == 1


def test_a_service_without_models_is_not(models_dir: Path) -> None:
    with listening(models_dir) as service:
        assert check(service.url, GRAFT_PORT="{port}") == 1
