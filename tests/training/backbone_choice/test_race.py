"""Rounds of a comparison: who is asked for the features of which images."""

import numpy as np
import pytest

from training.backbone_choice.cross_validation import ChoiceImages
from training.backbone_choice.race import race
from training.runtime.arrays import Floats, Integers

pytestmark = pytest.mark.training

NUM = 600
TARGETS = np.arange(NUM) % 3


class Known:
    """A backbone whose embeddings tell the classes apart by `signal`, and what it was asked for."""

    def __init__(self, signal: float, image_s: float = 0.0, seed: int = 1) -> None:
        noise = np.random.default_rng(seed).normal(size=(NUM, 8))
        self.embeddings = (noise + signal * np.eye(8)[TARGETS]).astype(np.float32)
        self.expected_image_s = image_s
        self.asked: list[int] = []

    def embed(self, positions: Integers) -> Floats:
        self.asked += positions.tolist()
        return self.embeddings[positions]


def images(num: int = NUM) -> ChoiceImages:
    class_of = TARGETS[:num]
    return ChoiceImages(
        images=(None,) * num,  # type: ignore[arg-type]
        targets=class_of,
        divisions=(np.arange(num) // 3 % 5, np.arange(num) // 4 % 5),
        balanced=False,
    )


def test_a_candidate_that_is_clearly_behind_costs_a_third_of_the_features() -> None:
    good, bad = Known(3.0), Known(0.2)
    standings = race([bad, good], images(), seconds_left=lambda: np.inf)
    assert standings[1].out is None
    assert sorted(good.asked) == list(range(NUM))
    assert standings[0].out is not None
    assert "clearly behind" in standings[0].out
    assert len(bad.asked) == pytest.approx(NUM / 3, abs=15)


def test_candidates_that_differ_little_are_compared_on_all_images() -> None:
    standings = race([Known(2.0), Known(2.0, seed=2)], images(), seconds_left=lambda: np.inf)
    assert [one.out for one in standings] == [None, None]
    assert [len(one.positions) for one in standings] == [NUM, NUM]


def test_what_has_no_room_in_the_budget_is_left_out_and_said() -> None:
    first, second = Known(2.0, image_s=1.0), Known(2.0, image_s=1.0)
    standings = race([first, second], images(), seconds_left=lambda: 5.0)
    assert standings[0].answers is not None
    assert standings[1].out is not None
    assert "time budget" in standings[1].out
    assert second.asked == []


def test_few_images_are_not_raced_on_a_third() -> None:
    bad = Known(0.1)
    standings = race([Known(3.0), bad], images(60), seconds_left=lambda: np.inf)
    assert standings[1].out is None
    assert len(bad.asked) == 60
