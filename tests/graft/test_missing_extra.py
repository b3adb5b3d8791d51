"""Training's commands where only the service's packages are installed."""

import subprocess
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def bare_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter without any package."""
    folder = tmp_path_factory.mktemp("bare")
    venv.create(folder, with_pip=False, symlinks=True)
    return folder / "bin" / "python"


@pytest.mark.parametrize(
    "command",
    [
        ["training.finetune", "--help"],
        ["training.audit", "photos"],
        ["training.backbones"],
        ["graft", "train", "photos"],
    ],
    ids=" ".join,
)
def test_a_command_says_which_extra_it_needs(bare_python: Path, command: list[str]) -> None:
    done = subprocess.run(
        [bare_python, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.startswith("error: training needs packages that are not installed (rich,")
    assert "pip install '.[train]'" in done.stderr
    assert done.stderr.count("\n") == 1


def test_an_import_says_it_too(bare_python: Path) -> None:
    done = subprocess.run(
        [bare_python, "-c", "import training"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "ImportError: training needs packages that are not installed" in done.stderr
