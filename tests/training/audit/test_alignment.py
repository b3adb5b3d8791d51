"""Two views of one photo lie onto one another; two photos do not."""

import io
from collections import Counter
from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps

from tests.training.audit.photos import model_input, photo
from training.audit import alignment
from training.audit.alignment import texture_similarity
from training.runtime.arrays import Pixels

pytestmark = pytest.mark.training


def similarity(one: Image.Image, other: Image.Image) -> float:
    """Compare two images as the audit does."""
    pixels = np.stack([model_input(one), model_input(other)])
    return float(texture_similarity(pixels, [(0, 1)])[0])


def saved_again(image: Image.Image, quality: int) -> Image.Image:
    """Return the image after JPEG."""
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=quality)
    return Image.open(stream).convert("RGB")


def dark_shape(left: int, seed: int) -> Image.Image:
    """Return a dark thing on a light wall, its faint texture its own."""
    rng = np.random.default_rng(seed)
    grey = np.full((160, 160), 220.0)
    grey[20:150, left:120] = 40
    grey += rng.normal(0, 8, grey.shape)
    return Image.fromarray(grey.clip(0, 255).astype(np.uint8)).convert("RGB")


@pytest.mark.parametrize(
    ("change", "least"),
    [
        (lambda image: saved_again(image, 40), 0.95),
        (ImageOps.mirror, 0.95),
        (lambda image: ImageEnhance.Brightness(image).enhance(0.65), 0.95),
        (lambda image: image.resize((70, 70)), 0.95),
        (lambda image: image.crop((0, 0, 128, 128)), 0.9),
        (lambda image: image.crop((30, 10, 158, 138)), 0.9),
        (lambda image: ImageOps.mirror(image.crop((16, 16, 144, 144))), 0.9),
    ],
    ids=["jpeg", "mirrored", "darker", "smaller", "corner", "crop", "crop_mirrored"],
)
def test_an_altered_copy_is_known_either_way_round(change, least: float) -> None:  # type: ignore[no-untyped-def]
    original = photo(1)
    assert similarity(original, change(original)) > least
    assert similarity(change(original), original) > least


def test_two_photos_are_not_one() -> None:
    assert similarity(photo(1), photo(2)) < 0.5


def test_one_outline_does_not_make_two_things_one_photo() -> None:
    assert similarity(dark_shape(40, 1), dark_shape(42, 2)) < 0.8


def test_blank_images_are_not_called_one_photo() -> None:
    white = Image.new("RGB", (64, 64), "white")
    assert similarity(white, Image.new("RGB", (64, 64), "grey")) == 0


def test_scores_come_in_the_order_of_the_pairs_and_progress_ends_at_the_last_row() -> None:
    pixels = np.stack([model_input(photo(seed)) for seed in (1, 2, 1, 2)])
    passed: list[int] = []
    scores = texture_similarity(pixels, [(0, 1), (0, 2), (1, 3)], advance=passed.append)
    assert (scores > 0.9).tolist() == [False, True, True]
    assert sum(passed) == 1


class CountedReads:
    """Images by row that know how often each was asked for."""

    def __init__(self, images: Sequence[Pixels]) -> None:
        self.reads: Counter[int] = Counter()
        self._images = images

    def __getitem__(self, row: int) -> Pixels:
        self.reads[row] += 1
        return self._images[row]


def test_images_of_many_pairs_are_read_once() -> None:
    seeds = [1, *range(2, 9), 1]
    pixels = CountedReads([model_input(photo(seed)) for seed in seeds])
    pairs = list(combinations(range(len(seeds)), 2))
    scores = texture_similarity(pixels, pairs)
    assert [pair for pair, score in zip(pairs, scores, strict=True) if score > 0.9] == [(0, 8)]
    assert pixels.reads == dict.fromkeys(range(len(seeds)), 1)


def test_few_kept_images_change_no_score(monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = [model_input(photo(seed)) for seed in (1, 2, 3, 1, 2, 3)]
    pairs = list(combinations(range(6), 2))
    expected = texture_similarity(pixels, pairs)
    monkeypatch.setattr(alignment, "_KEPT_IMAGES", 1)
    monkeypatch.setattr(alignment, "_KEPT_WHOLE", 1)
    monkeypatch.setattr(alignment, "_PAIRS_AT_ONCE", 2)
    assert texture_similarity(pixels, pairs).tolist() == pytest.approx(expected.tolist(), abs=1e-4)


def test_a_score_that_is_enough_ends_the_search_and_is_reached_by_the_same_pairs() -> None:
    crop = photo(1).crop((12, 7, 144, 139))
    pixels = [model_input(image) for image in (photo(1), crop, photo(2))]
    pairs = [(0, 1), (0, 2), (1, 2)]
    best = texture_similarity(pixels, pairs)
    soon = texture_similarity(pixels, pairs, enough=0.6)
    assert (soon >= 0.6).tolist() == (best >= 0.6).tolist() == [True, False, False]
    assert soon[0] <= best[0]
