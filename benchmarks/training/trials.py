"""The data, the weights, and one run of `training.finetune` on them."""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Final

from benchmarks.machine import this_machine
from benchmarks.training.holdout import find_copies, write_split
from benchmarks.training.results import (
    Result,
    Trial,
    append_result,
    left_to_do,
    markdown,
    read_results,
)

SHARED: Final = Path(__file__).resolve().parents[2].parent / "shared"
# Folders with test images of their own; the rest gets a random third, drawn by the seed.
GIVEN_TEST: Final = ("clothing", "cifar10")
DRAWN_TEST: Final = ("members",)
DATA: Final = (*GIVEN_TEST, *DRAWN_TEST)
SEEDS: Final = (0, 1, 2)
DRAWN_SEEDS: Final = (0, 1, 2, 3, 4)
# The tail of a failed run's errors that is kept.
_NOTE_CHARS: Final = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """Initial weights: their name in tables, and the options of `training.finetune` for them."""

    name: str
    options: tuple[str, ...]


LITE0: Final = Weights(name="EfficientNet-Lite0", options=())
MOBILENET: Final = Weights(
    name="MobileNetV2",
    options=(
        *("--backbone", "mobilenetv2_100", "--backbone-args", "pad_type=same", "bn_eps=0.001"),
        *("--weights", str(SHARED / "weights" / "mobilenetv2_100.tf_dogs.safetensors")),
        *("--mean", "0.5", "--std", "0.5"),
    ),
)
WEIGHTS: Final = (LITE0, MOBILENET)


def seeds_of(data: str, num_seeds: int | None) -> tuple[int, ...]:
    """Return the seeds of a data set: three, five where the test images are drawn, or so many."""
    usual = DRAWN_SEEDS if data in DRAWN_TEST else SEEDS
    return usual if num_seeds is None else tuple(range(num_seeds))


def parse_minutes(text: str) -> tuple[float, ...]:
    """Return the numbers in "1,5,15"."""
    return tuple(float(part) for part in text.split(","))


def selected(trials: Iterable[Trial], only: Sequence[str]) -> list[Trial]:
    """Return the trials whose description has all of some words in it."""
    return [
        trial for trial in trials if all(word.lower() in trial.describe().lower() for word in only)
    ]


def run_all(
    trials: Sequence[Trial], results: Path, run_trial: Callable[[Trial, Path, Path], Result]
) -> None:
    """Make the runs that are not yet in a file of results, then print its table.

    `run_trial` is told the trial, the folder with its `train` and `test`, and a folder of its own.
    """
    todo = left_to_do(trials, read_results(results))
    limits = sum(trial.minutes or 1.5 for trial in todo)
    print(f"{len(todo)} of {len(trials)} runs to make, about {limits:.0f} minutes", flush=True)
    for number, trial in enumerate(todo, start=1):
        print(f"{number}/{len(todo)} {trial.describe()}", end=": ", flush=True)
        with tempfile.TemporaryDirectory(prefix="graft-training-") as folder:
            work = Path(folder)
            result = run_trial(trial, data_folder(trial, work), work)
        append_result(results, result)
        share = "failed" if result.right is None else f"{100 * result.right / result.images:.1f} %"
        print(f"{share} in {result.seconds:.0f} s {result.note}", flush=True)
    keys = {trial.key for trial in trials}
    print("\n" + markdown([r for r in read_results(results) if r.trial.key in keys]))


def data_folder(trial: Trial, work: Path) -> Path:
    """Return a folder with `train` and `test`, made for the trial where the data has none."""
    data = SHARED / "data" / trial.data
    if trial.data not in DRAWN_TEST:
        return data
    drawn = work / trial.data
    write_split(data, drawn, _copies(trial.data), seed=trial.seed)
    return drawn


@lru_cache
def _copies(data: str) -> tuple[tuple[str, ...], ...]:
    with tempfile.TemporaryDirectory() as folder:
        return tuple(tuple(g) for g in find_copies(SHARED / "data" / data, Path(folder)))


def run_graft(
    trial: Trial,
    data: Path,
    work: Path,
    weights: Weights,
    *,
    module: Sequence[str] = ("training.finetune",),
) -> Result:
    """Run a module, by default `training.finetune`, with a cache and a repository of its own.

    So nothing is warm. The module takes the options of `training.finetune`.
    """
    options = ["--method", trial.method, "--seed", str(trial.seed), *weights.options]
    if trial.minutes is not None:
        options += ["--time-budget", f"{trial.minutes:g}m"]
    command = [sys.executable, "-m", *module, str(data), "--name", "run", "--offline"]
    # A photo under both train and test would stop the run; it is taken out of train.
    folders = ["--models-dir", str(work / "models"), "--cache-dir", str(work / "cache")]
    return run_command(
        trial, [*command, *options, *folders, "--tracker", "none", "--leakage", "drop"], _published
    )


def run_command(
    trial: Trial, command: Sequence[str], read: Callable[[str], dict[str, Any]]
) -> Result:
    """Run a command; `read` gets "right", "images" and "note" from what it prints."""
    began = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    seconds = time.monotonic() - began
    ran = partial(Result, trial=trial, seconds=seconds, machine=this_machine())
    if done.returncode != 0:
        note = " ".join(done.stderr.split())[-_NOTE_CHARS:]
        return ran(right=None, images=0, note=note)
    return ran(**read(done.stdout))


def _published(printed: str) -> dict[str, Any]:
    package = Path(printed.splitlines()[-1])
    test = json.loads((package / "metrics.json").read_text(encoding="utf-8"))["metrics"]["test"]
    kept = next((line for line in printed.splitlines() if line.startswith("publishing the ")), "")
    right = round(test["accuracy"] * test["images"])
    return {"right": right, "images": test["images"], "note": kept}
