"""The table of training speeds, on a CPU, with a tiny network."""

import re
from pathlib import Path

import pytest
import torch

from benchmarks.gpu import training
from tests.training.folders import write_class

pytestmark = pytest.mark.training

CPU = torch.device("cpu")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for index, name in enumerate(["one", "two"]):
        write_class(tmp_path / "data" / name, index, count=6)
    return tmp_path / "data"


def test_a_backbone_is_timed_with_fed_images_and_with_one_batch_again_and_again(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "_WARM_UP", 1)
    monkeypatch.setattr(training, "_TIMED", 2)
    line = training.measure("timm/test_resnet", folder, CPU, tmp_path / "cache")
    found = re.fullmatch(
        r"\| timm/test_resnet \| (\d+) \| (\d+) \| (\d+) \| ([\d.]+) \| 0 \|", line
    )
    assert found is not None
    side_px, fed, alone = (int(found[group]) for group in (1, 2, 3))
    assert side_px > 0
    assert fed > 0
    assert alone > 0


def test_a_backbone_that_fails_is_a_row_and_the_exit_code(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(training, "FAMILIES", ())
    monkeypatch.setattr(training, "MORE", ("timm/no_such_network",))
    monkeypatch.setattr("sys.argv", ["training", str(folder), "--device", "cpu"])
    assert training.main() == 1
    assert "| timm/no_such_network | BROKEN:" in capsys.readouterr().out
