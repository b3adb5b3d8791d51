"""How fast a folder is scanned, for the first time and again, beside a plain Pillow loop; and memory.

`python -m benchmarks.scan_rate [--files 50000] [--size-px 32]` makes that many CIFAR-sized files, and
a tenth of them, so that one sees whether memory grows; `--data DIR` takes a real folder instead.
Each measurement runs in a process of its own; its memory is the peak of its resident set. Linux only.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final
from unittest import mock

import numpy as np
from PIL import Image

from benchmarks.memory import peak_mb
from inference.decoding import DecodedImage, decode_image
from inference.preprocessing import PreprocessSpec
from training.data.layout import read_folder
from training.data.scan import open_cache, scan_folder
from training.data.views import Views

LABELS: Final = 10
CIFAR_PX: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One pass over a folder.

    Attributes:
        images: images that were read.
        seconds: wall time of the pass, listing the folder included, imports not.
        decoded: how many were decoded.
        start_mb, peak_mb: largest resident set before the pass and after it, in 10^6 bytes.
    """

    images: int
    seconds: float
    decoded: int
    start_mb: float
    peak_mb: float


def main() -> None:
    """Measure, or make one measurement for the process that asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="a real folder, instead of files made here")
    parser.add_argument("--files", type=int, default=50_000, help="how many files to make")
    parser.add_argument("--size-px", type=int, help="the model's input (32, or 224 with --data)")
    parser.add_argument("--pass", dest="name", choices=PASSES, help=argparse.SUPPRESS)
    parser.add_argument("--cache-dir", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    size_px = args.size_px or (CIFAR_PX if args.data is None else 224)
    if args.name is not None:
        print(json.dumps(asdict(measure(args.name, args.data, args.cache_dir, size_px))))
        return
    with tempfile.TemporaryDirectory(prefix="scan-rate-") as work:
        results = {
            name: _all_passes(data, Path(work) / f"cache-{name}", size_px)
            for name, data in _folders(args.data, args.files, Path(work)).items()
        }
    print(table(results))
    print(json.dumps({"benchmark": "scan_rate", "size_px": size_px, **_as_json(results)}))


def write_files(folder: Path, count: int) -> Path:
    """Write `count` different 32 x 32 PNG files in ten classes; the same ones every time."""
    rng = np.random.default_rng(0)
    for label in range(LABELS):
        (folder / f"class{label}").mkdir(parents=True)
    for index in range(count):
        coarse = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
        image = Image.fromarray(coarse).resize((CIFAR_PX, CIFAR_PX), Image.Resampling.BICUBIC)
        image.save(folder / f"class{index % LABELS}" / f"{index:06d}.png", compress_level=1)
    return folder


def measure(name: str, data: Path, cache_dir: Path, size_px: int) -> Measurement:
    """Make one pass in this process, which should be fresh."""
    views = Views(_spec(size_px), for_training=True)
    start_mb = peak_mb()
    with _counted_decodings() as decodings:
        started = time.perf_counter()
        images = PASSES[name](data, cache_dir, views)
        seconds = time.perf_counter() - started
    return Measurement(
        images=images,
        seconds=round(seconds, 3),
        decoded=images if name == "pillow loop" else len(decodings),
        start_mb=round(start_mb, 1),
        peak_mb=round(peak_mb(), 1),
    )


def _scan(data: Path, cache_dir: Path, views: Views) -> int:
    with open_cache(cache_dir, views) as cache:
        return len(scan_folder(read_folder(data), views, cache).images)


def _pillow_loop(data: Path, _: Path, views: Views) -> int:
    """What a short script does: open, convert, resize, one after another, nothing kept."""
    size = views.spec.resize_shorter_px
    files = read_folder(data).files
    for file in files:
        with Image.open(file.path) as image:
            np.asarray(image.convert("RGB").resize((size, size), Image.Resampling.BICUBIC))
    return len(files)


# In the order in which they are made: the first scan fills the cache for the second.
PASSES: Final[Mapping[str, Callable[[Path, Path, Views], int]]] = {
    "pillow loop": _pillow_loop,
    "first scan": _scan,
    "second scan": _scan,
}


@contextmanager
def _counted_decodings() -> Iterator[list[None]]:
    """Yield a list that grows by one with each of the scan's calls of the decoder."""
    decodings: list[None] = []

    def counted(data: bytes, **options: Any) -> DecodedImage:
        decodings.append(None)
        return decode_image(data, **options)

    with mock.patch("training.data.views.decode_image", counted):
        yield decodings


def _spec(size_px: int) -> PreprocessSpec:
    return PreprocessSpec(
        resize_shorter_px=size_px,
        crop_hw=(size_px, size_px),
        interpolation="bicubic",
        mean=(0.5, 0.5, 0.5),
        std=(0.5, 0.5, 0.5),
    )


def _folders(data: Path | None, files: int, work: Path) -> dict[str, Path]:
    if data is not None:
        return {data.name: data}
    return {
        f"{count:,} files": write_files(work / str(count), count) for count in (files // 10, files)
    }


def _all_passes(data: Path, cache_dir: Path, size_px: int) -> dict[str, Measurement]:
    return {name: _in_child(name, data, cache_dir, size_px) for name in PASSES}


def _in_child(name: str, data: Path, cache_dir: Path, size_px: int) -> Measurement:
    arguments = ["--data", str(data), "--cache-dir", str(cache_dir), "--size-px", str(size_px)]
    command = [sys.executable, "-m", "benchmarks.scan_rate", "--pass", name, *arguments]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return Measurement(**json.loads(done.stdout))


def table(results: Mapping[str, Mapping[str, Measurement]]) -> str:
    """Return a Markdown table of all passes."""
    lines = [
        "| folder | pass | images | images/s | seconds | decoded | memory at start, MB | peak, MB |",
        "|---|---|---:|---:|---:|---:|---:|---:|",
    ]
    for folder, passes in results.items():
        for name, m in passes.items():
            rate = m.images / m.seconds
            lines.append(
                f"| {folder} | {name} | {m.images:,} | {rate:,.0f} | {m.seconds:.2f} | {m.decoded:,} "
                f"| {m.start_mb:.0f} | {m.peak_mb:.0f} |"
            )
    return "\n".join(lines)


def _as_json(results: Mapping[str, Mapping[str, Measurement]]) -> dict[str, object]:
    return {
        folder: {name: asdict(m) for name, m in passes.items()}
        for folder, passes in results.items()
    }


if __name__ == "__main__":
    main()
