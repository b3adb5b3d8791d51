"""`training.train`: the command's options from Python, its errors as exceptions."""

from pathlib import Path
from typing import Any

import pytest

from inference import open_classifier
from tests.training.conftest import SIDE_PX, TINY
from training import train
from training.errors import ConfigError, DataError

pytestmark = pytest.mark.training


def test_a_folder_becomes_a_package(
    colours: Path, weights_file: Path, models_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    package = train(
        str(colours),
        name="from-python",
        backbone=TINY,
        weights=weights_file,
        image_size=SIDE_PX,
        models_dir=models_dir,
        precisions=("fp32",),
        time_budget=None,
        offline=True,
        quiet=True,
    )
    assert capsys.readouterr().out == ""
    assert package.path == models_dir / "from-python" / "1"
    photo = next(colours.rglob("*.png"))
    assert (
        open_classifier(str(models_dir / "from-python")).classify(photo).label
        in package.manifest.labels
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"time_bugdet": "10m"}, "no option --time-bugdet; did you mean --time-budget?"),
        ({"batch_size": "many"}, "argument --batch-size: invalid int value: 'many'"),
        ({"coverage": 90}, "coverage must be between 0 and 1"),
        ({"dry_run": True}, "dry_run publishes nothing"),
    ],
    ids=["unknown", "no number", "out of range", "dry run"],
)
def test_a_bad_option_is_refused_with_a_sentence(
    colours: Path, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message.replace("?", r"\?")):
        train(colours, **options)


def test_a_folder_that_is_none_is_refused(tmp_path: Path, models_dir: Path) -> None:
    with pytest.raises(DataError, match="nowhere"):
        train(tmp_path / "nowhere", models_dir=models_dir)
