"""Clients that nobody here wrote, unmodified, each in an environment of its own, against a live service."""

import os
import subprocess
from pathlib import Path
from typing import Final

import pytest

from tests.builders import coloured, make_package
from tests.service.service_process import running
from tests.tools import python_of

ADMIN_KEY: Final = "admin-key-123"


@pytest.mark.parametrize("client", ["kserve", "tritonclient"])
def test_an_unmodified_client_is_understood(client: str, models_dir: Path, tmp_path: Path) -> None:
    python = python_of(client)
    make_package(models_dir)
    image = tmp_path / "red.jpg"
    image.write_bytes(coloured("red", image_format="JPEG"))
    script = Path(__file__).with_name(f"ask_with_{client}.py")
    with running(models_dir, GRAFT_ADMIN_KEYS=ADMIN_KEY) as service:
        ended = subprocess.run(
            [str(python), str(script), service.url.removeprefix("http://"), str(image), ADMIN_KEY],
            env={**os.environ, "PYTHONPATH": ""},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert ended.returncode == 0, ended.stderr
    assert f"all of {client} passed" in ended.stdout
