"""WebP is decoded by libwebp itself: the pixels are those of Pillow's own way."""

import numpy as np
import pytest
from PIL import Image

from inference.decoding import decode_image, webp_frame
from tests.builders import encode
from tests.hostile_images import extended_webp, riff_chunk
from tests.hostile_images import webp_frame as frame_chunk
from tests.inference.samples import noise

SIZE_WH = (62, 46)


def with_alpha() -> Image.Image:
    image = noise(SIZE_WH)
    image.putalpha(noise(SIZE_WH, seed=1).getchannel(0))
    return image


def animation(flags: int) -> bytes:
    """Return an animation whose first frame is smaller than its canvas and away from its corner."""
    still = encode(with_alpha() if flags & 0x10 else noise(SIZE_WH), "WEBP", lossless=True)
    body = still if still[12:16] == b"VP8L" else still[:12] + still[30:]
    frame = bytearray(frame_chunk(body, SIZE_WH))
    frame[8], frame[11] = 3, 2  # at (6, 4)
    return extended_webp((80, 60), flags, riff_chunk(b"ANIM", bytes(6)), bytes(frame))


FILES = {
    "lossy": encode(noise(SIZE_WH), "WEBP"),
    "lossy with alpha": encode(with_alpha(), "WEBP"),
    "lossless": encode(noise(SIZE_WH), "WEBP", lossless=True),
    "lossless with alpha": encode(with_alpha(), "WEBP", lossless=True, exact=True),
    "with a profile": encode(noise(SIZE_WH), "WEBP", icc_profile=b"x" * 99, exif=b"Exif\0\0II*\0"),
    "animated": encode(noise(SIZE_WH), "WEBP", save_all=True, append_images=[noise(SIZE_WH, 3)]),
    "animated with alpha": encode(
        with_alpha(), "WEBP", save_all=True, append_images=[noise(SIZE_WH).convert("RGBA")]
    ),
    "an animation's part of a canvas": animation(0x02),
    "an animation's part of a canvas, with alpha": animation(0x12),
}


@pytest.mark.parametrize("name", FILES)
def test_the_pixels_are_those_of_pillow(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert webp_frame._library() is not None
    ours = decode_image(FILES[name]).image
    monkeypatch.setattr(webp_frame, "_library", lambda: None)
    pillows = decode_image(FILES[name]).image
    np.testing.assert_array_equal(np.asarray(ours), np.asarray(pillows))
