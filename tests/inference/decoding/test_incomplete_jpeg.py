"""A JPEG that ends too early: filled up and noted where little is missing, refused where much is."""

import numpy as np
import pytest

from inference.decoding import decode_image
from inference.errors import UndecodableImage
from tests.builders import encode
from tests.inference.samples import noise

SIZE_WH = (160, 320)
WHOLE = encode(noise(SIZE_WH), "JPEG", quality=90)
PROGRESSIVE = encode(noise(SIZE_WH), "JPEG", quality=90, progressive=True)


@pytest.mark.parametrize("data", [WHOLE, PROGRESSIVE, encode(noise(SIZE_WH).convert("L"), "JPEG")])
@pytest.mark.parametrize("shorter_px", [None, 40])
def test_without_its_end_marker_it_is_the_whole_picture(
    data: bytes, shorter_px: int | None
) -> None:
    whole = decode_image(data, shorter_px=shorter_px)
    cut = decode_image(data[:-2], shorter_px=shorter_px)
    np.testing.assert_array_equal(np.asarray(cut.image), np.asarray(whole.image))
    assert not whole.notes
    (note,) = cut.notes
    assert note.startswith("incomplete: ")


@pytest.mark.parametrize("shorter_px", [None, 40])
def test_a_tenth_less_is_filled_up_and_said(shorter_px: int | None) -> None:
    result = decode_image(WHOLE[: len(WHOLE) * 9 // 10], shorter_px=shorter_px)
    whole = decode_image(WHOLE, shorter_px=shorter_px)
    (note,) = result.notes
    share = float(note.removeprefix("incomplete: ").partition("%")[0]) / 100
    assert 0.08 < share < 0.16
    assert result.source_wh == SIZE_WH
    seen, expected = np.asarray(result.image), np.asarray(whole.image)
    rows = int(len(seen) * 0.84) - 1
    np.testing.assert_array_equal(seen[:rows], expected[:rows])


def test_half_of_it_is_refused_with_the_share() -> None:
    with pytest.raises(UndecodableImage, match=r"truncated: (4[5-9]|5\d)% of its rows are missing"):
        decode_image(WHOLE[: len(WHOLE) // 2])


def test_of_a_progressive_one_all_frequencies_have_to_be_there() -> None:
    (note,) = decode_image(PROGRESSIVE[: len(PROGRESSIVE) * 8 // 10]).notes
    assert note.startswith("incomplete: ")
    with pytest.raises(UndecodableImage):
        decode_image(PROGRESSIVE[: len(PROGRESSIVE) * 2 // 10])
