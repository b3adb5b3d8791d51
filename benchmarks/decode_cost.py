"""What decoding an image costs: hostile files and the dearest honest ones, each in a process of its own.

    python -m benchmarks.decode_cost                  # some minutes
    python -m benchmarks.decode_cost --only WebP

Seconds are of a core, memory is the peak above what the process held before, the pixels are those of
the service: 224x224 after 256.
"""

import argparse
import hashlib
import io
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

from inference.decoding import DEFAULT_LIMITS
from inference.errors import ImageError
from inference.preprocessing import PreprocessSpec, prepare_image
from tests.hostile_images import HOSTILE, SIDE_PX

_SPEC: Final = PreprocessSpec(
    resize_shorter_px=256,
    crop_hw=(224, 224),
    interpolation="bicubic",
    mean=(0.5, 0.5, 0.5),
    std=(0.5, 0.5, 0.5),
)


def _encode(image: Image.Image, image_format: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, image_format, **options)
    return stream.getvalue()


def _noise(size_wh: tuple[int, int]) -> Image.Image:
    width, height = size_wh
    rng = np.random.default_rng(0)
    low = rng.integers(0, 256, (height // 4 + 1, width // 4 + 1, 3), dtype=np.uint8)
    return Image.fromarray(low).resize((width, height), Image.Resampling.BICUBIC)


DEAREST_HONEST: Final[dict[str, Callable[[], bytes]]] = {
    "honest: JPEG, 50 million pixels": lambda: _encode(_noise((SIDE_PX,) * 2), "JPEG", quality=75),
    "honest: JPEG, 50 million pixels, progressive": lambda: _encode(
        _noise((SIDE_PX,) * 2), "JPEG", quality=75, progressive=True
    ),
    "honest: WebP, 50 million pixels, lossy": lambda: _encode(
        _noise((SIDE_PX,) * 2), "WEBP", quality=60, method=0
    ),
    "honest: WebP, 12 million pixels, lossless": lambda: _encode(
        _noise((1000, 1000)).resize((4000, 3000), Image.Resampling.NEAREST),
        "WEBP",
        lossless=True,
        method=0,
    ),
    "honest: PNG, 20 million pixels with alpha": lambda: _encode(
        Image.new("RGBA", (5000, 4000), (10, 20, 30, 128)), "PNG"
    ),
    "honest: PNG, 4 million pixels of noise": lambda: _encode(
        _noise((2200, 1900)), "PNG", compress_level=1
    ),
}


def main() -> None:
    """Print a line for each file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="files whose name has this in it")
    only = parser.parse_args().only
    for name, make in {**HOSTILE, **DEAREST_HONEST}.items():
        if only in name:
            child = os.fork()
            if child == 0:
                _measure(name, make())
                os._exit(0)
            os.waitpid(child, 0)


def _measure(name: str, data: bytes) -> None:
    assert len(data) <= DEFAULT_LIMITS.max_bytes
    Path("/proc/self/clear_refs").write_text("5")
    before_mb, started = _memory_mb("VmRSS"), time.process_time()
    try:
        pixels = prepare_image(data, _SPEC).pixels
        outcome = f"pixels {hashlib.sha256(pixels.tobytes()).hexdigest()[:8]}"
    except ImageError as err:
        outcome = f"{type(err).__name__}: {err}"
    took_s, grown_mb = time.process_time() - started, _memory_mb("VmHWM") - before_mb
    print(
        f"{name:46} {len(data):11,} bytes {took_s:6.2f} s {grown_mb:5.0f} MB  {outcome[:70]}",
        flush=True,
    )


def _memory_mb(name: str) -> float:
    status = Path("/proc/self/status").read_text()
    return int(status.partition(f"{name}:")[2].split()[0]) / 1024


if __name__ == "__main__":
    main()
