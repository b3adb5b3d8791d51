"""A package of before the rules had a number, made by the code of then: it goes on answering as it did."""

import dataclasses
import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from inference import open_classifier
from inference.decoding import CURRENT_DECODER
from inference.golden import check_golden
from inference.preprocessing import PreprocessSpec, prepare_image

FILES = Path(__file__).parents[2] / "files"
PACKAGE = FILES / "decoder_1_package"
PIXELS: dict[str, str] = json.loads((FILES / "decoder_1_pixels.json").read_text())
# What came out black, or in the wrong colours, and does so in old packages for ever.
OTHERS_NOW = {"03.png", "05.png", "06.png", "07.jpeg"}


def spec() -> PreprocessSpec:
    return open_classifier(PACKAGE).manifest.preprocessing


def test_its_golden_images_are_answered_as_they_were() -> None:
    classifier = open_classifier(PACKAGE)
    assert classifier.manifest.preprocessing.decoder == 1
    assert check_golden(classifier, PACKAGE) == len(PIXELS)


@pytest.mark.parametrize("name", PIXELS)
def test_each_pixel_is_what_it_was(name: str) -> None:
    data = (PACKAGE / "golden" / name).read_bytes()
    pixels = prepare_image(data, spec()).pixels
    assert hashlib.sha256(pixels.tobytes()).hexdigest() == PIXELS[name]
    now = prepare_image(data, dataclasses.replace(spec(), decoder=CURRENT_DECODER)).pixels
    assert np.array_equal(now, pixels) == (name not in OTHERS_NOW)


def test_rules_that_nobody_knows_yet_are_refused() -> None:
    with pytest.raises(ValueError, match="decoder 99 is not known here"):
        dataclasses.replace(spec(), decoder=99)
