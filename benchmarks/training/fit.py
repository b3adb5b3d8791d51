"""What `--fit` is worth: crop, pad, squash and auto on panoramas, and on folders of ordinary photos.

    python -m benchmarks.training.fit

`panoramas` are made here: each photo of clothing at one end of a strip three times as long as wide, lying
or standing, of one of ../shared/data/photos. So the square in the middle shows nothing of the garment.
"""

import argparse
import json
import random
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, get_args

from PIL import Image, ImageOps

from benchmarks.training.results import (
    Result,
    Trial,
    append_result,
    left_to_do,
    markdown,
    read_results,
)
from benchmarks.training.trials import LITE0, SHARED, Weights, data_folder, run_graft
from training.config import FitOption

PANORAMAS: Final = "panoramas"
FITS: Final = get_args(FitOption)
# Of squares, all fits but the margin are the same.
DATA: Final = {
    PANORAMAS: FITS,
    "clothing": FITS,
    "cifar10": ("crop", "auto"),
    "members": ("crop", "auto"),
}
_SHORT_PX: Final = 256
_LONG_PX: Final = 3 * _SHORT_PX


def write_panoramas(
    clothing: Path, backgrounds: Path, out: Path, *, seed: int, per_class: int | None = None
) -> None:
    """Write a panorama or a portrait of each photo into `out`, in the folders of `clothing`.

    `per_class`: of so many of each class of `train` and `test`, the first by name; None of all.
    """
    rng = random.Random(seed)
    photos = [Image.open(file).convert("RGB") for file in sorted(backgrounds.iterdir())]
    folders = sorted(path for path in clothing.glob("*/*") if path.is_dir())
    # Two strips of one background are copies to the audit: test images have backgrounds of their own.
    apart = {"test": photos[::3], "train": [photo for i, photo in enumerate(photos) if i % 3]}
    for file in (file for folder in folders for file in sorted(folder.iterdir())[:per_class]):
        target = out / file.relative_to(clothing)
        target.parent.mkdir(parents=True, exist_ok=True)
        with Image.open(file) as garment:
            strip = at_one_end(garment.convert("RGB"), rng.choice(apart[file.parts[-3]]), rng)
        strip.save(target, quality=90)


def at_one_end(garment: Image.Image, background: Image.Image, rng: random.Random) -> Image.Image:
    """Return a strip of the background, lying or standing, with the garment at one of its ends."""
    lies, first = rng.random() < 0.5, rng.random() < 0.5
    size_wh = (_LONG_PX, _SHORT_PX) if lies else (_SHORT_PX, _LONG_PX)
    # Another part of the background each time, or the audit would find copies of one photo.
    share, middle = rng.uniform(0.3, 0.9), (rng.random(), rng.random())
    part = ImageOps.fit(background, (round(size_wh[0] / share), round(size_wh[1] / share)))
    left, top = (
        round(at * (side - kept)) for at, side, kept in zip(middle, part.size, size_wh, strict=True)
    )
    strip = part.crop((left, top, left + size_wh[0], top + size_wh[1]))
    if rng.random() < 0.5:
        strip = ImageOps.mirror(strip)
    garment = ImageOps.contain(garment, (_SHORT_PX, _SHORT_PX))
    along = 0 if first else _LONG_PX - (garment.width if lies else garment.height)
    across = (_SHORT_PX - (garment.height if lies else garment.width)) // 2
    strip.paste(garment, (along, across) if lies else (across, along))
    return strip


def measure(trial: Trial, work: Path, *, per_class: int | None) -> Result:
    """Return what a probe with the trial's fit gives; its note is the fit that was published."""
    weights = Weights(name=trial.weights, options=("--fit", trial.method))
    data = SHARED / "data"
    if trial.data == PANORAMAS:
        folder = work / PANORAMAS
        write_panoramas(
            data / "clothing", data / "photos", folder, seed=trial.seed, per_class=per_class
        )
    else:
        folder = data_folder(trial, work)
    result = run_graft(replace(trial, method="probe"), folder, work, weights)
    if result.right is None:
        return replace(result, trial=trial)
    text = (work / "models" / "run" / "1" / "manifest.json").read_text(encoding="utf-8")
    chosen = json.loads(text)["preprocessing"].get("fit", "crop")
    return replace(result, trial=trial, note=f"published: {chosen}")


def _trials(names: Sequence[str], fits: Sequence[str], seeds: int) -> Iterator[Trial]:
    for seed in range(seeds):
        for name in names:
            for fit in (fit for fit in DATA[name] if fit in fits):
                yield Trial(data=name, weights=LITE0.name, method=fit, minutes=None, seed=seed)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", nargs="+", choices=DATA, default=list(DATA))
    parser.add_argument("--fits", nargs="+", choices=FITS, default=FITS)
    parser.add_argument("--seeds", type=int, default=1, metavar="N", help="seeds 0 to N-1")
    parser.add_argument(
        "--per-class", type=int, metavar="N", help="panoramas of so many photos a class"
    )
    parser.add_argument("--results", type=Path, default=Path("training-fit.jsonl"))
    args = parser.parse_args()
    for trial in left_to_do(_trials(args.data, args.fits, args.seeds), read_results(args.results)):
        with tempfile.TemporaryDirectory(prefix="graft-fit-") as folder:
            result = measure(trial, Path(folder), per_class=args.per_class)
        append_result(args.results, result)
        print(
            trial.describe(),
            result.right,
            result.images,
            round(result.seconds),
            result.note,
            flush=True,
        )
    print(markdown(read_results(args.results)))


if __name__ == "__main__":
    main()
