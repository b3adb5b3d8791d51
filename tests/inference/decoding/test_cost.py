"""What an image costs is bounded before it is paid: hostile files are refused at once, or take little."""

import io
import os
import struct
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest
from PIL import Image

from inference.decoding import (
    CURRENT_DECODER,
    DEFAULT_LIMITS,
    OWN_FILES_LIMITS,
    DecodeLimits,
    decode_image,
    read_header,
)
from inference.errors import ImageError, ImageTooCostly, ImageTooLarge
from inference.preprocessing import PreprocessSpec, prepare_image
from tests.builders import encode
from tests.hostile_containers import HOSTILE_CONTAINERS
from tests.hostile_images import (
    HOSTILE,
    SIDE_PX,
    animated_webp,
    bmp,
    gif,
    jpeg_frame,
    jpeg_scan,
    lossless_webp,
    png,
    png_chunk,
    progressive_jpeg,
    raw_bmp,
    riff,
    riff_chunk,
    small_png,
)
from tests.hostile_iso_media import grid
from tests.inference.samples import noise

SPEC = PreprocessSpec(
    resize_shorter_px=256,
    crop_hw=(224, 224),
    interpolation="bicubic",
    mean=(0.5, 0.5, 0.5),
    std=(0.5, 0.5, 0.5),
    decoder=CURRENT_DECODER,
)
# At the limit in pixels: decoded, at some expense.
_AT_THE_LIMIT = (
    *("PNG, RGB", "PNG, grey", "PNG, palette", "PNG, 1 bit", "WebP, lossless", "GIF, long"),
    *("WebP, animated, 50", "GIF, transparent", "BMP, 1 bit", "PNG, image data of empty"),
    *("JPEG, progressive, CMYK", "JPEG, progressive, long"),
)
REFUSED_OR_SMALL = [
    name for name in HOSTILE if not name.startswith(_AT_THE_LIMIT) and name != "GIF"
]
# The dearest honest files, by what their headers say: 13 MB of progressive JPEG, and so on.
PADDING = bytes(14_000_000)
DEAREST_HONEST = {
    "JPEG, progressive": progressive_jpeg(
        (SIDE_PX, SIDE_PX), 12, sampling=(0x22, 0x11, 0x11)
    ).removesuffix(b"\xff\xd9")
    + PADDING,
    "JPEG, baseline": jpeg_frame((SIDE_PX, SIDE_PX), marker=0xC0)
    + jpeg_scan((1, 2, 3), 0, 63)
    + PADDING,
    "WebP, lossy": riff(
        riff_chunk(
            b"VP8 ", bytes(3) + b"\x9d\x01\x2a" + struct.pack("<HH", *[SIDE_PX] * 2) + PADDING
        )
    ),
    "PNG, RGBA, 20 million pixels": png((5000, 4000)) + PADDING,
    "PNG, RGB, 50 million pixels": png(colour_type=2) + PADDING,
    "BMP, 5 million pixels": raw_bmp((2500, 2000), 24),
    "BMP, a drawing in runs": bmp((1024, 768), b"\xff\1" * 20_000, compression=1),
}


@pytest.mark.parametrize("name", REFUSED_OR_SMALL)
def test_a_file_of_too_many_parts_costs_next_to_nothing(name: str) -> None:
    data = HOSTILE[name]()
    started = time.thread_time()
    with suppress(ImageError):
        prepare_image(data, SPEC)
    assert time.thread_time() - started < 0.5


@pytest.mark.parametrize("name", HOSTILE_CONTAINERS)
def test_a_hostile_container_costs_no_more_than_any_image_may(name: str) -> None:
    data = HOSTILE_CONTAINERS[name]()
    took_s, grown_mb = in_a_process(partial(_prepare_or_refuse, data))
    assert grown_mb < 450
    assert took_s < 3  # 1.0 s on a quiet core, of 50 million pixels


def _prepare_or_refuse(data: bytes) -> None:
    with suppress(ImageError):
        prepare_image(data, SPEC)


@pytest.mark.parametrize("name", DEAREST_HONEST)
def test_the_dearest_honest_files_are_accepted(name: str) -> None:
    header = read_header(DEAREST_HONEST[name], shorter_px=256)
    assert header is not None
    assert header.seconds < DEFAULT_LIMITS.max_seconds
    assert header.memory_bytes < DEFAULT_LIMITS.max_memory_bytes


def in_a_process(work: Callable[[], object]) -> tuple[float, float]:
    """Return the seconds of a core and the megabytes that work takes in a process of its own."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        Path("/proc/self/clear_refs").write_text("5")
        before_mb, started = memory_mb("VmRSS"), time.process_time()
        work()
        took_s, grown_mb = time.process_time() - started, memory_mb("VmHWM") - before_mb
        os.write(writing, f"{took_s} {grown_mb}".encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as stream:
        answer = stream.read()
    os.waitpid(child, 0)
    took_s, grown_mb = map(float, answer.split())
    return took_s, grown_mb


def memory_mb(name: str) -> float:
    status = Path("/proc/self/status").read_text()
    return int(status.partition(f"{name}:")[2].split()[0]) / 1024


@pytest.mark.parametrize(
    "name",
    [
        "PNG, RGBA, turned",
        "PNG, grey, 16 bits, transparent",
        "PNG, palette, transparent",
        "WebP, lossless, alpha",
        "WebP, animated, 50 million pixels a frame",
        "GIF, transparent",
    ],
)
def test_fifty_million_pixels_take_two_copies_at_most(name: str) -> None:
    data = HOSTILE[name]()
    took_s, grown_mb = in_a_process(lambda: prepare_image(data, SPEC))
    assert (
        grown_mb < 450
    )  # two copies of four bytes a pixel are 382 MiB; these files took 800 to 1,340
    assert took_s < 4  # 0.6 to 1.1 s on a quiet core


@pytest.mark.parametrize(
    "make",
    [
        lambda: png((600, 400), colour_type=6, bit_depth=16),
        lambda: lossless_webp((600, 400)),
        lambda: animated_webp((600, 400), 3),
        lambda: gif((600, 400)),
        lambda: encode(noise((600, 400)), "JPEG", progressive=True),
        lambda: encode(noise((600, 400)), "MPO", save_all=True, append_images=[noise((60, 40))]),
        lambda: encode(noise((600, 400)), "BMP"),
        lambda: encode(noise((600, 400)), "WEBP"),
    ],
)
def test_the_header_says_the_size_that_pillow_finds(make: Callable[[], bytes]) -> None:
    data = make()
    header = read_header(data)
    assert header is not None
    with Image.open(io.BytesIO(data)) as image:
        assert header.size_wh == image.size == (600, 400)


def test_what_takes_longer_than_it_may_is_refused_from_the_header() -> None:
    data = encode(noise((600, 400)))
    with pytest.raises(ImageTooCostly, match="600x400 px"):
        decode_image(data, limits=DecodeLimits(max_seconds=1e-5))
    with pytest.raises(
        ImageTooCostly,
        match=r"2 MB to decode, limit is 1.6 s and 0 MB; scale it down or save it again",
    ):
        decode_image(data, limits=DecodeLimits(max_memory_bytes=1000))


def test_what_is_too_large_names_the_limit_that_admits_it() -> None:
    data = png((10_000, 9_000))
    with pytest.raises(
        ImageTooLarge,
        match=r"--max-pixels 90000000 on the command line, GRAFT_MAX_PIXELS=90000000 in",
    ):
        decode_image(data)


def test_frames_behind_the_first_of_an_animation_cost_nothing() -> None:
    started = time.thread_time()
    assert decode_image(HOSTILE["APNG, 100,000 frames"]()).source_wh == (64, 64)
    assert time.thread_time() - started < 0.5


def test_a_second_animation_header_hides_no_chunks() -> None:
    control = png_chunk(b"acTL", bytes([0, 0, 0, 9, 0, 0, 0, 0]))
    frame = png_chunk(b"fcTL", bytes(26))
    hidden = small_png(before=control * 2, after=frame + png_chunk(b"tEXt", b"a\0b") * 2000)
    with pytest.raises(ImageError, match="too many chunks"):
        decode_image(hidden)


def test_a_phones_photo_of_24_million_pixels_is_within_the_limits() -> None:
    """As an iPhone writes it: 108 tiles of 512 px. libheif takes 0.9 s for one."""
    header = read_header(
        grid("hvc1", 12, 9, 108, (5712, 4284), said_wh=(512, 512)) + bytes(3_000_000)
    )
    assert header is not None
    assert 0.9 < header.seconds < DEFAULT_LIMITS.max_seconds
    assert header.memory_bytes < DEFAULT_LIMITS.max_memory_bytes


def test_a_phones_photo_of_48_million_pixels_is_within_the_limits_of_own_files() -> None:
    """libheif takes 1.6 s and 342 MB for one."""
    header = read_header(
        grid("hvc1", 16, 12, 192, (8064, 6048), said_wh=(512, 512)) + bytes(6_000_000)
    )
    assert header is not None
    assert 1.6 < header.seconds < OWN_FILES_LIMITS.max_seconds
    assert header.memory_bytes < OWN_FILES_LIMITS.max_memory_bytes
