"""Damage is refused as an `ImageError`: no grey padding, no other exception, no warning."""

import io
import threading
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from inference.decoding import DecodeLimits, decode_image
from inference.errors import ImageError, ImageTooLarge, UndecodableImage
from tests.builders import encode
from tests.inference.samples import jpeg_with_exif, noise, orientation_exif, picture, png, png_chunk

SECOND = picture((32, 48)).resize((48, 32))
SOUND = {
    "baseline JPEG": encode(noise((48, 32)), "JPEG", exif=orientation_exif(6)),
    "progressive JPEG": encode(noise((48, 32)), "JPEG", progressive=True),
    "CMYK JPEG": encode(noise((48, 32)).convert("CMYK"), "JPEG"),
    "MPO": encode(noise((48, 32)), "MPO", save_all=True, append_images=[SECOND]),
    "PNG": encode(noise((48, 32)), "PNG", exif=orientation_exif(6)),
    "palette PNG": encode(picture().convert("P"), "PNG", transparency=b"\0\x80"),
    "16-bit PNG": png(
        (48, 32),
        bit_depth=16,
        colour_type=0,
        rows=[np.random.default_rng(row).bytes(96) for row in range(32)],
    ),
    "lossy WebP": encode(noise((48, 32)), "WEBP", exif=orientation_exif(6)),
    "animated WebP": encode(noise((48, 32)), "WEBP", save_all=True, append_images=[SECOND]),
    "animated GIF": encode(noise((48, 32)), "GIF", save_all=True, append_images=[SECOND]),
    "BMP": encode(noise((48, 32)), "BMP"),
}
UNTIDY_EXIF = jpeg_with_exif(b"II*\x00\x08\x00\x00\x00\xff\xff" + b"\x12\x01" * 30)


@pytest.mark.parametrize("kind", SOUND)
def test_a_truncated_image_is_refused_or_complete(kind: str) -> None:
    whole = np.asarray(decode_image(SOUND[kind]).image)
    refused = 0
    for sixteenths in range(16):
        part = SOUND[kind][: len(SOUND[kind]) * sixteenths // 16]
        try:
            result = decode_image(part)
        except ImageError:
            refused += 1
        else:
            if not result.notes:
                np.testing.assert_array_equal(np.asarray(result.image), whole)
    # Of animations and MPO, the later half may be missing without harm to the first frame.
    assert refused >= (6 if "animated" in kind or kind == "MPO" else 8)


@pytest.mark.parametrize("kind", SOUND)
@settings(max_examples=80, deadline=None, derandomize=True, database=None)
@given(
    flips=st.lists(
        st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=8
    ),
    header_only=st.booleans(),
    shorter_px=st.sampled_from([None, 4]),
)
def test_flipped_bytes_raise_nothing_but_image_errors(
    kind: str, flips: list[tuple[float, int]], header_only: bool, shorter_px: int | None
) -> None:
    data = bytearray(SOUND[kind])
    reach = min(len(data), 200) if header_only else len(data)
    for place, value in flips:
        data[int(place * reach)] = value
    try:
        result = decode_image(
            bytes(data), shorter_px=shorter_px, limits=DecodeLimits(max_pixels=1_000_000)
        )
    except ImageError:
        return
    assert result.image.mode == "RGB"


@pytest.mark.parametrize("chunk", [b"zTXt", b"iTXt", b"iCCP"])
@pytest.mark.parametrize("count", [1, 60])
def test_a_png_with_long_texts_or_profiles_is_decoded_without_them(
    chunk: bytes, count: int
) -> None:
    kind = b"\0\1\0\0\0" if chunk == b"iTXt" else b"\0\0"
    bomb = png_chunk(chunk, b"name" + kind + zlib.compress(bytes(3 * 2**20)))
    data = png((1, 1), bit_depth=8, colour_type=2, rows=[b"abc"], extra=bomb * count)
    assert decode_image(data).image.getpixel((0, 0)) == (97, 98, 99)


def test_a_damaged_tiff_writes_nothing_to_the_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    data = encode(noise((48, 32)), "TIFF", compression="tiff_lzw")
    with pytest.raises(UndecodableImage):
        decode_image(data[:8] + b"\xff" * 40 + data[48:])
    assert capfd.readouterr().err == ""


def test_a_palette_png_without_a_palette_is_refused() -> None:
    data = png((1, 1), bit_depth=8, colour_type=3, rows=[b"a"])
    with pytest.raises(UndecodableImage):
        decode_image(data)


def test_a_gif_whose_frame_outgrows_its_screen_is_refused() -> None:
    data = bytearray(encode(Image.new("P", (4, 4)), "GIF"))
    descriptor = data.index(b",\0\0\0\0\x04\0\x04\0")
    data[descriptor + 5 : descriptor + 9] = b"\xff\xff\xff\xff"
    with pytest.raises(ImageTooLarge):
        decode_image(bytes(data))


def test_untidy_metadata_neither_raise_nor_print(recwarn: pytest.WarningsRecorder) -> None:
    with pytest.warns(UserWarning, match="Corrupt EXIF"), Image.open(io.BytesIO(UNTIDY_EXIF)) as im:
        im.getexif()
    recwarn.clear()
    assert decode_image(UNTIDY_EXIF).source_wh == (48, 32)
    assert not recwarn.list


def test_a_size_that_pillow_warns_of_is_our_limits_business(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = encode(Image.new("RGB", (12, 12)))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)  # warns from 101 px, refuses from 201 px
    assert decode_image(data).source_wh == (12, 12)
    with pytest.raises(ImageTooLarge):
        decode_image(encode(Image.new("RGB", (15, 15))))


def test_the_callers_own_warnings_still_reach_them() -> None:
    decode_image(UNTIDY_EXIF)
    with pytest.warns(UserWarning, match="mine"):
        warnings.warn("mine", UserWarning, stacklevel=1)


def test_warnings_stay_silent_in_many_threads_and_the_filters_do_not_grow() -> None:
    decode_image(UNTIDY_EXIF)
    filters = len(warnings.filters)
    start = threading.Barrier(8)

    def decode_many(_: int) -> int:
        start.wait()
        return sum(decode_image(UNTIDY_EXIF).image.width == 48 for _ in range(50))

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(decode_many, range(8))) == 400
    assert len(warnings.filters) == filters
