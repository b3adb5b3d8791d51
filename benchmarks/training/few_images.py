"""What the mean of the networks that were trained beside a fold each is worth, on a few images a class.

    python -m benchmarks.training.few_images

Seven images a class of clothing or cifar10, drawn anew by each seed, with all test images of the data: the
probe, each of the networks alone, published as if it had been the only one, and their mean. A number of
passes and not the clock ends a run. It changes what `training.run.fit_network` calls, so that it can look at
the networks one by one.
"""

import argparse
import random
import shutil
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from unittest.mock import patch

import numpy as np
import numpy.typing as npt

from benchmarks.machine import this_machine
from benchmarks.training.results import (
    Result,
    Trial,
    append_result,
    left_to_do,
    markdown,
    read_results,
)
from benchmarks.training.trials import GIVEN_TEST, LITE0, SEEDS, SHARED, run_graft
from training import finetune
from training.assessment.calibration import fit_temperature
from training.assessment.nll import negative_log_likelihood
from training.candidates.candidate import Candidate
from training.candidates.finetuned import TrainedNetwork, make_finetuned
from training.data.split import Dataset
from training.run import fit_network as fitting
from training.runtime.progress import Display

PER_CLASS: Final = 7
_PASSES: Final = 16


def write_few(data: Path, out: Path, *, seed: int) -> None:
    """Copy a few images of each training class into `out/train`, and all test images into `out/test`."""
    rng = random.Random(seed)
    for folder in sorted((data / "train").iterdir()):
        (out / "train" / folder.name).mkdir(parents=True)
        for file in rng.sample(sorted(folder.iterdir()), PER_CLASS):
            shutil.copy(file, out / "train" / folder.name)
    shutil.copytree(data / "test", out / "test")


def measure(few: Path, work: Path, trial: Trial) -> list[Result]:
    """Return what the probe, each network and their mean make of the test images."""
    results = [run_graft(replace(trial, method="probe"), few, work / "probe", LITE0)]
    made = partial(Result, machine=this_machine())

    def watched(
        trained: Sequence[TrainedNetwork], dataset: Dataset, display: Display, **named: Any
    ) -> Candidate:
        for place, network in enumerate(trained, start=1):
            val = network.task.dataset.splits["val"]
            alone = replace(dataset, splits={**dataset.splits, "val": val})
            model = make_finetuned([network], alone, display, **named)
            results.append(made(trial=replace(trial, method=f"network {place}"), **_judge(model)))
        mean = make_finetuned(trained, dataset, display, **named)
        results.append(made(trial=trial, **_judge(mean, note=mean.notes[-1])))
        return mean

    began = time.monotonic()
    with patch.object(fitting, "make_finetuned", watched):
        finetune.main(_options(few, work, trial))
    seconds = time.monotonic() - began
    return [result if result.seconds else replace(result, seconds=seconds) for result in results]


def _options(few: Path, work: Path, trial: Trial) -> list[str]:
    folders = ["--models-dir", str(work / "models"), "--cache-dir", str(work / "cache")]
    length = ["--method", "finetune", "--epochs", str(_PASSES), "--seed", str(trial.seed)]
    return [str(few), "--name", "run", *folders, *length, "--tracker", "none", "--offline"]


def _judge(model: Candidate, note: str = "") -> dict[str, Any]:
    assert model.embeddings is not None
    logits = model.head.logits(model.embeddings[model.dataset.rows("test")])
    return judge(logits, model.dataset.targets("test"), note)


def judge(
    logits: npt.NDArray[np.float32], targets: npt.NDArray[np.int64], note: str = ""
) -> dict[str, Any]:
    """Return how many test images logits (N, K) have right, and their loss, as fields of a result."""
    best = fit_temperature(logits, targets)
    loss = negative_log_likelihood(logits, targets, temperature=best)
    said = f"loss {loss:.3f} at the best temperature"
    return {
        "right": int((logits.argmax(axis=1) == targets).sum()),
        "images": len(targets),
        "seconds": 0.0,
        "note": f"{said}; {note}" if note else said,
    }


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", nargs="+", choices=GIVEN_TEST, default=list(GIVEN_TEST))
    parser.add_argument("--seeds", type=int, default=len(SEEDS), metavar="N", help="seeds 0 to N-1")
    parser.add_argument("--results", type=Path, default=Path("training-few-images.jsonl"))
    args = parser.parse_args()
    trials = [
        Trial(data=data, weights=LITE0.name, method="mean", minutes=None, seed=seed)
        for seed in range(args.seeds)
        for data in args.data
    ]
    for trial in left_to_do(trials, read_results(args.results)):
        with TemporaryDirectory(prefix="graft-training-") as folder:
            few = Path(folder) / "few"
            write_few(SHARED / "data" / trial.data, few, seed=trial.seed)
            for result in measure(few, Path(folder), trial):
                append_result(args.results, result)
    print(markdown(read_results(args.results)))


if __name__ == "__main__":
    main()
