"""What a probe run costs from 1,000 to 100,000 images: seconds, peak memory and cache bytes by stage.

    python -m benchmarks.growth --sizes 1000,3000,10000 --work DIR --trunks ~/.cache/graft/trunks

The images are laid together from parts of real photos, no two equal or found as copies, in 10 to 1,000
classes (a hundredth of the images, or `--classes`). Each size is a run of its own with an empty cache, or
with one that holds exported backbones (`--trunks`), as a second run finds it: PyTorch is not imported then.
What was measured is kept in `--results`, so that another size can be added another day; a size that is there
is left out. Before each size it says how long it may take. Ends with the tables and the chart of all that
was kept, on the page too; `--sizes ""` does only that.
"""

import argparse
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from benchmarks.growth.chart import draw
from benchmarks.growth.images import make_folder, read_photos
from benchmarks.growth.measured_run import RunFailed, measure_run
from benchmarks.growth.results import Result, add_result, read_results
from benchmarks.growth.table import table
from inference.cores import usable_cores

RESULTS: Final = Path("docs/benchmarks/growth-2026-11.jsonl")
IMAGE: Final = Path("docs/images/growth.svg")
PAGE: Final = Path("docs/benchmarks/growth-2026-11.md")
# Around the tables on the page.
_MARKS: Final = ("<!-- tables -->\n", "\n<!-- end of tables -->")
SIZES: Final = "1000,3000,10000,30000,100000"
PHOTOS: Final = (Path("../shared/data/clothing"), Path("../shared/data/photos"))
_IMAGES_PER_CLASS: Final = 100
# Seconds of all cores, on Zen 4; only for the first estimate.
_GUESS_S_PER_IMAGE: Final = 0.06
_GUESS_BYTES_PER_IMAGE: Final = 165_000


def main() -> int:
    """Measure; return the exit code."""
    args = _arguments()
    args.work.mkdir(parents=True, exist_ok=True)
    known = read_results(args.results)
    there = {result.images for result in known}
    wanted = [size for size in args.sizes if args.again or size not in there]
    photos = read_photos(args.photos) if wanted else []
    for images in wanted:
        classes = args.classes or max(10, images // _IMAGES_PER_CLASS)
        _announce(images, classes, read_results(args.results))
        began = time.monotonic()
        data = make_folder(
            args.work / f"images-{images}-{classes}", photos, images=images, classes=classes
        )
        print(f"made them in {time.monotonic() - began:.0f} s", flush=True)
        run = args.work / f"run-{images}"
        shutil.rmtree(run, ignore_errors=True)
        run.mkdir()
        try:
            result = measure_run(data, run, images=images, classes=classes, trunks=args.trunks)
        except RunFailed as err:
            print(f"the run of {images} images failed:\n{err}", file=sys.stderr)
            return 1
        add_result(args.results, result)
        if not args.keep:
            shutil.rmtree(run)
            shutil.rmtree(data)
        print(f"{images} images: {result.seconds:.0f} s, {result.peak_mb:.0f} MB", flush=True)
    results = read_results(args.results)
    args.image.write_text(draw(results), encoding="utf-8")
    args.page.write_text(
        with_tables(args.page.read_text(encoding="utf-8"), table(results)), encoding="utf-8"
    )
    print(table(results))
    return 0


def with_tables(page: str, tables: str) -> str:
    """Return the page with these tables in place of those that it has."""
    before, _, rest = page.partition(_MARKS[0])
    return before + _MARKS[0] + tables + _MARKS[1] + rest.partition(_MARKS[1])[2]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.growth",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--sizes", type=_numbers, default=_numbers(SIZES), help="of images")
    parser.add_argument("--classes", type=int, help="a hundredth of the images, at least 10")
    parser.add_argument("--work", type=Path, required=True, help="for images, cache and models")
    parser.add_argument("--photos", type=Path, nargs="+", default=PHOTOS)
    parser.add_argument("--trunks", type=Path, help="cached backbones: a cache folder's trunks/")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--image", type=Path, default=IMAGE)
    parser.add_argument("--page", type=Path, default=PAGE)
    parser.add_argument("--again", action="store_true", help="also what is in the results")
    parser.add_argument("--keep", action="store_true", help="leave images, cache and model there")
    return parser.parse_args()


def _numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",") if part]


def _announce(images: int, classes: int, known: Sequence[Result]) -> None:
    """Say how long it may take, by the largest run that is known, and what it needs of the disk."""
    before = max(known, key=lambda result: result.images, default=None)
    each_s = _GUESS_S_PER_IMAGE if before is None else before.cpu_seconds / before.images
    by = "a guess" if before is None else f"by the run of {before.images}"
    print(
        f"{images} images in {classes} classes: about {images * each_s / 60 / usable_cores():.0f} minutes if "
        f"nothing else runs ({by}; heads take longer where there are more classes), "
        f"{images * _GUESS_BYTES_PER_IMAGE / 1e9:.1f} GB of disk",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
