"""A choice that a resumed run takes from the disk."""

from pathlib import Path

import pytest

from inference.backbone_choice import BackboneChoice, BackboneTrial
from training.backbone_choice.saved_choice import load_choice, save_choice

pytestmark = pytest.mark.training

CHOICE = BackboneChoice(
    chosen=0,
    reason="the best",
    seconds=1.5,
    trials=(
        BackboneTrial(backbone="timm/resnet18", outcome="chosen", accuracy_interval=(0.5, 0.9)),
    ),
)


def test_it_is_taken_only_for_the_same_images_and_candidates(tmp_path: Path) -> None:
    file = tmp_path / "runs" / "shoes-backbone.json"
    save_choice(file, CHOICE, "these images")
    assert load_choice(file, "these images") == CHOICE
    assert load_choice(file, "other images") is None


@pytest.mark.parametrize("content", ["", "[]", '{"key": "k", "choice": {}}', '{"key": "k"}'])
def test_a_damaged_file_is_as_none(tmp_path: Path, content: str) -> None:
    file = tmp_path / "choice.json"
    file.write_text(content)
    assert load_choice(file, "k") is None
