"""The validation images that are shown while a model changes."""

import dataclasses
import io
import json
import time

import numpy as np
import pytest
from rich.console import Console

from training.candidates.candidate import Candidate
from training.candidates.validation_examples import ValidationExamples
from training.runtime.json_progress import EventWriter, JsonDisplay

pytestmark = pytest.mark.training


def test_wrong_ones_come_first_one_of_each_class_in_turn(probe: Candidate) -> None:
    targets = probe.dataset.targets("val")
    logits = np.eye(3, dtype=np.float32)[targets] * 2
    wrong = [place for label in range(3) for place in np.flatnonzero(targets == label)[:2]]
    for strength, place in enumerate(wrong, start=3):
        logits[place, (targets[place] + 1) % 3] = strength
    images = probe.dataset.splits["val"]
    examples = ValidationExamples.by(dataclasses.replace(probe, val_logits=logits))
    # Of two wrong ones of a class, the one that is nearer to being right is first.
    expected = [images[place].row for place in (*wrong[::2], *wrong[1::2])]
    assert list(examples.rows[:6]) == expected
    stream = io.StringIO()
    display = JsonDisplay(Console(quiet=True), events=EventWriter(time.monotonic(), stream))
    examples.show(display, probe.dataset, logits, step=0)
    shown = json.loads(stream.getvalue())["images"]
    assert [image["label"] == image["guess"] for image in shown] == [False] * 6 + [True] * 3
