"""Time and memory of the audit's comparisons of all with all, on made-up embeddings and hashes.

`python -m benchmarks.audit_size [--images 10000 50000]`; each number in a process of its own. One image
in a hundred is a near copy of another; how many of those are proposed as pairs is counted too. What
then compares the proposed pairs by their pixels takes time in proportion to their number and is not
in here.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt

from benchmarks.memory import peak_mb
from training.audit.candidate_pairs import candidate_pairs
from training.audit.outliers import find_outliers
from training.audit.principal_components import main_components
from training.audit.suspect_labels import find_suspect_labels
from training.data.folder import ImageFile
from training.data.image_facts import ImageFacts
from training.data.scan import ScannedImage

LABELS: Final = 10
_DIMENSIONS: Final = 1280
_COPIES_EVERY: Final = 100
_FLIPPED_BITS: Final = 3

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """What one number of images took.

    Attributes:
        copies, proposed: near copies, and how many of them are among the `pairs`.
        start_mb, peak_mb: largest resident set with only the embeddings and facts made, and at the end.
    """

    images: int
    copies: int
    proposed: int
    pairs: int
    pairs_seconds: float
    labels_seconds: float
    outliers_seconds: float
    start_mb: float
    peak_mb: float


def main() -> None:
    """Measure, or make one measurement for the process that asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, nargs="+", default=[10_000, 50_000])
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one is not None:
        print(json.dumps(asdict(measure(args.one))))
        return
    sizes = [_in_child(count) for count in args.images]
    print(table(sizes))
    print(json.dumps({"benchmark": "audit_size", "sizes": [asdict(size) for size in sizes]}))


def measure(count: int) -> Size:
    """Make the images and compare them."""
    rng = np.random.default_rng(0)
    targets = rng.integers(0, LABELS, count)
    copies = np.arange(_COPIES_EVERY, count, _COPIES_EVERY)
    embeddings = _embeddings(rng, targets, copies)
    images = _images(rng, targets, copies)
    start_mb = peak_mb()
    components = main_components(embeddings)
    pairs, pairs_seconds = _timed(lambda: candidate_pairs(images, components))
    groups = np.arange(count)
    _, labels_seconds = _timed(lambda: find_suspect_labels(components, targets, groups, seed=0))
    _, outliers_seconds = _timed(lambda: find_outliers(components, targets, groups))
    known = set(pairs)
    return Size(
        images=count,
        copies=len(copies),
        proposed=sum((int(copy) - 1, int(copy)) in known for copy in copies),
        pairs=len(pairs),
        pairs_seconds=round(pairs_seconds, 1),
        labels_seconds=round(labels_seconds, 1),
        outliers_seconds=round(outliers_seconds, 1),
        start_mb=round(start_mb),
        peak_mb=round(peak_mb()),
    )


def _embeddings(
    rng: np.random.Generator, targets: npt.NDArray[np.int64], copies: npt.NDArray[np.int64]
) -> npt.NDArray[np.float32]:
    """Return (N, 1280): classes overlap; a copy is a little beside the image before it."""
    centres = rng.normal(0, 0.5, (LABELS, _DIMENSIONS)).astype(np.float32)
    embeddings = rng.standard_normal((len(targets), _DIMENSIONS), dtype=np.float32)
    for label in range(LABELS):
        embeddings[targets == label] += centres[label]
    embeddings[copies] = embeddings[copies - 1] + 0.5 * embeddings[copies]
    return embeddings


def _images(
    rng: np.random.Generator, targets: npt.NDArray[np.int64], copies: npt.NDArray[np.int64]
) -> list[ScannedImage]:
    """Return images with random hashes; a copy's differs in three bits from the image before it."""
    hashes = rng.integers(0, 2**64, len(targets), dtype=np.uint64)
    hashes[copies] = hashes[copies - 1] ^ np.uint64(2**_FLIPPED_BITS - 1)
    mirrored = rng.integers(0, 2**64, len(targets), dtype=np.uint64)
    return [
        ScannedImage(
            file=ImageFile(path=Path(f"{row}.jpg"), label=str(targets[row]), split=None),
            sha256=f"{row:064x}",
            row=row,
            facts=_facts(int(hashes[row]), int(mirrored[row])),
        )
        for row in range(len(targets))
    ]


def _facts(phash: int, phash_mirrored: int) -> ImageFacts:
    return ImageFacts(
        width_px=300,
        height_px=300,
        phash=f"{phash:016x}",
        phash_mirrored=f"{phash_mirrored:016x}",
        brightness=128.0,
        contrast=50.0,
        sharpness=500.0,
    )


def _timed(work: Callable[[], Result]) -> tuple[Result, float]:
    started = time.perf_counter()
    return work(), time.perf_counter() - started


def _in_child(count: int) -> Size:
    command = [sys.executable, "-m", "benchmarks.audit_size", "--one", str(count)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return Size(**json.loads(done.stdout))


def table(sizes: Sequence[Size]) -> str:
    """Return a Markdown table."""
    lines = [
        "| images | copies | proposed | pairs | pairs, s | labels, s | outliers, s "
        "| memory at start, MB | peak, MB |",
        "|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {s.images:,} | {s.copies} | {s.proposed} | {s.pairs:,} | {s.pairs_seconds} "
        f"| {s.labels_seconds} | {s.outliers_seconds} | {s.start_mb:.0f} | {s.peak_mb:.0f} |"
        for s in sizes
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
