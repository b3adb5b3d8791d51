"""What `pip install .` puts into an environment works from any folder."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from httpx2 import get

from tests.builders import coloured, make_package
from tests.service.service_process import running

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel's files, installed beside nothing else of this checkout."""
    target = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "--no-deps", "--target", target, ROOT], check=True)
    return target


def run(installed: Path, cwd: Path, *command: str) -> str:
    environment = os.environ | {"PYTHONPATH": str(installed)}
    done = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout


def test_the_command_graft_is_there(installed: Path, tmp_path: Path) -> None:
    make_package(tmp_path / "models")
    (tmp_path / "photo.png").write_bytes(coloured("green"))
    answer = run(
        installed,
        tmp_path,
        str(installed / "bin" / "graft"),
        "predict",
        "models/colours",
        "photo.png",
    )
    assert "green" in answer


def test_the_types_and_the_licence_are_in_it(installed: Path) -> None:
    assert all((installed / name / "py.typed").is_file() for name in ("inference", "training"))
    (metadata,) = installed.glob("graft_classifier-*.dist-info/METADATA")
    assert "License-Expression: Apache-2.0" in metadata.read_text(encoding="utf-8")
    assert (metadata.parent / "licenses" / "LICENSE").is_file()


def test_the_service_shows_its_page_from_anywhere(installed: Path, tmp_path: Path) -> None:
    make_package(tmp_path / "models")
    in_a_folder = ("env", "-C", str(tmp_path))
    with running(Path("models"), within=in_a_folder, PYTHONPATH=str(installed)) as service:
        for address in ("/", "/docs"):
            assert get(f"{service.url}{address}").status_code == 200, address
        body = get(f"{service.url}/models").json()
    assert [model["name"] for model in body["models"]] == ["colours"]
