"""Candidates that can be had, and why others cannot."""

from pathlib import Path

import huggingface_hub.constants
import pytest
from rich.console import Console

from training.backbone_choice.candidate_list import list_candidates
from training.backbone_choice.open_all import Hub, OutOfReach, open_others
from training.backbones.hubs import hub_silence
from training.config import FinetuneConfig
from training.runtime.progress import Display
from training.runtime.time_budget import TimeBudget

pytestmark = pytest.mark.training


def test_a_hub_that_does_not_answer_is_asked_once_and_only_about_its_own_weights(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    asked: list[str | None] = []

    def asking() -> str | None:
        asked.append(hub_silence())
        return asked[-1]

    monkeypatch.setattr("training.backbone_choice.open_all.hub_silence", asking)
    names = ("tf_efficientnet_lite0", "convnext_tiny", "resnet18", "torchvision/resnet18")
    config = FinetuneConfig(data=Path("photos"), backbone="auto", candidates=names)
    hub = Hub()
    packaged, *timms, torchvisions = map(hub.why_out_of_reach, list_candidates(config))
    assert packaged is None
    assert torchvisions is None
    assert all("127.0.0.1:9" in str(reason) for reason in timms)
    assert len(asked) == 1


def test_weights_that_are_not_here_are_the_reason_however_little_time_is_left(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    names = ("torchvision/resnet18", "tf_efficientnet_lite0")
    config = FinetuneConfig(data=Path("photos"), backbone="auto", candidates=names, offline=True)
    opened = open_others(
        list_candidates(config),
        {},
        2,
        hub=Hub(),
        budget=TimeBudget.starting_now(-1.0),
        display=Display(Console(quiet=True)),
    )
    missing, packaged = opened.values()
    assert isinstance(missing, OutOfReach)
    assert "--offline" in missing.reason
    assert isinstance(packaged, OutOfReach)
    assert "longer than the time budget leaves" in packaged.reason
