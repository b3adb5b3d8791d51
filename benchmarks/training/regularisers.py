"""Whether smoothed labels, mixup or cutmix make fine-tuning better on small data.

    python -m benchmarks.training.regularisers

Two runs of one recipe differ by more than these are said to give, and cifar10's 500 test images tell no
two points apart. So half of the training images are for testing, too: 1,000 remain to train on, for a
number of passes and not by the clock, and 1,500 judge, the same for each variant. Other halves by seed.
"""

import argparse
import random
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Final

from benchmarks.training.mixing import VARIANTS
from benchmarks.training.results import Result, Trial
from benchmarks.training.trials import LITE0, SEEDS, run_all, run_graft, selected

_DATA: Final = "cifar10"
_PASSES: Final = 12


def plan(num_seeds: int) -> list[Trial]:
    """Return a trial for each seed and variant, and each seed's probe."""
    return [
        Trial(data=_DATA, weights=LITE0.name, method=method, minutes=None, seed=seed)
        for seed in range(num_seeds)
        for method in ("probe", *VARIANTS)
    ]


def run_trial(trial: Trial, data: Path, work: Path) -> Result:
    """Make one run on half of the training images."""
    halves = work / "halves"
    write_halves(data, halves, seed=trial.seed)
    if trial.method == "probe":
        return run_graft(trial, halves, work, LITE0)
    weights = replace(LITE0, options=(*LITE0.options, "--epochs", str(_PASSES)))
    module = ("benchmarks.training.mixing", trial.method)
    ran = run_graft(replace(trial, method="finetune"), halves, work, weights, module=module)
    return replace(ran, trial=trial)


def write_halves(data: Path, out: Path, *, seed: int) -> None:
    """Copy half of each training class into `out/train`, the rest and all test images into `out/test`."""
    rng = random.Random(seed)
    for folder in sorted((data / "train").iterdir()):
        files = sorted(folder.iterdir())
        rng.shuffle(files)
        half = len(files) // 2
        _copy(files[:half], out / "train" / folder.name)
        _copy([*files[half:], *(data / "test" / folder.name).iterdir()], out / "test" / folder.name)


def _copy(files: list[Path], folder: Path) -> None:
    folder.mkdir(parents=True)
    for file in files:
        shutil.copy(file, folder / f"{file.parent.parent.name}-{file.name}")


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--only", nargs="+", default=[], metavar="WORD", help="runs with all of these words"
    )
    parser.add_argument("--seeds", type=int, default=len(SEEDS), metavar="N", help="seeds 0 to N-1")
    parser.add_argument("--results", type=Path, default=Path("training-regularisers.jsonl"))
    args = parser.parse_args()
    run_all(selected(plan(args.seeds), args.only), args.results, run_trial)


if __name__ == "__main__":
    main()
