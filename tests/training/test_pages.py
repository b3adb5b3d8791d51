"""The programs on docs/python.md and docs/onnx.md run as they stand there."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest
from PIL import Image

from inference import open_classifier
from inference.manifest import Rejection
from inference.preprocessing import Fit
from tests.builders import make_package
from tests.training.folders import write_classes

pytestmark = pytest.mark.training
ROOT = Path(__file__).resolve().parents[2]


def program(page: str) -> str:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    (found,) = re.findall(r"```python\n(.+?)```", text, re.DOTALL)
    return str(found)


def run(code: str, cwd: Path) -> str:
    done = subprocess.run(
        ["env", f"PYTHONPATH={ROOT}", sys.executable, "-c", code],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A folder in which the program of docs/python.md ran, and what it printed."""
    folder = tmp_path_factory.mktemp("pages")
    write_classes(folder / "photos", count=12)
    shutil.copy(next((folder / "photos").rglob("*.png")), folder / "photo.jpg")
    return folder, run(program("python.md"), folder)


def test_training_and_asking_from_python(trained: tuple[Path, str]) -> None:
    folder, printed = trained
    lines = printed.splitlines()
    assert "models/garments/1" in printed
    assert lines[-1].split()[0] in open_classifier(folder / "models/garments").manifest.labels


def test_the_model_answers_alike_without_graft(trained: tuple[Path, str]) -> None:
    folder, printed = trained
    shutil.copy(folder / "models/garments/1/model.onnx", folder)
    label, probability, _ = run(program("onnx.md"), folder).split()
    expected = printed.splitlines()[-1].split()
    assert label == expected[0]
    assert float(probability) == pytest.approx(float(expected[1]), abs=0.001)


@pytest.mark.parametrize("fit", get_args(Fit))
def test_the_program_without_graft_fits_a_wide_photo_as_graft_does(
    fit: Fit, tmp_path: Path
) -> None:
    by_familiarity = Rejection(score="familiarity", threshold=0.1, accepted=1.0)
    package = make_package(tmp_path / "models", fit=fit, rejection=by_familiarity)
    shutil.copy(package / "model.onnx", tmp_path)
    photo = Image.linear_gradient("L").resize((90, 30)).convert("RGB")
    photo.paste((250, 60, 90), (0, 0, 25, 30))
    photo.save(tmp_path / "photo.jpg", quality=95)
    expected = open_classifier(package).classify(tmp_path / "photo.jpg")
    label, probability, _ = run(program("onnx.md"), tmp_path).split()
    assert label == expected.label
    assert float(probability) == pytest.approx(expected.probability, abs=0.001)
