"""What a prior on the temperature is worth where a class has a few images.

    python -m benchmarks.temperature --data ../shared/data

Rounds of two to five classes drawn from clothing or cifar10, with a few images each: the temperature of a
cross-validated probe is fitted with priors of several spreads, and the loss and the calibration error
of the probe on 60 other images a class are held beside one another. Of rounds in which each image is
answered rightly, the figures stand in columns of their own, too. The backbone is the default one, frozen.
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.special import softmax

from benchmarks.rejection import DataSet, embed_all
from training.assessment.calibration import PRIOR_SPREAD, fit_temperature
from training.assessment.nll import negative_log_likelihood
from training.assessment.reliability import expected_calibration_error
from training.data.split import MAX_FOLDS
from training.probing.probe import cross_validate_probe

DATA_SETS: Final = ("clothing", "cifar10")
IMAGES_A_CLASS: Final = (5, 10, 15)
SPREADS: Final = (np.inf, 4.0, PRIOR_SPREAD, 1.0, 0.5)
_CLASSES: Final = (2, 5)
_TEST_IMAGES: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """Rows of a data set and the classes drawn, numbered anew, of the few images and of others."""

    few: npt.NDArray[np.int64]
    few_targets: npt.NDArray[np.int64]
    others: npt.NDArray[np.int64]
    other_targets: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What one draw says of a spread: the temperature, and loss and error on other images."""

    temperature: float
    nll: float
    ece: float
    all_right: bool


def draw(targets: npt.NDArray[np.int64], per_class: int, seed: int) -> Draw:
    """Return some classes' images, `per_class` of each to learn from."""
    rng = np.random.default_rng((seed, per_class))
    least, most = _CLASSES
    classes = rng.choice(
        np.unique(targets), size=rng.integers(least, most, endpoint=True), replace=False
    )
    orders = [rng.permutation(np.flatnonzero(targets == label)) for label in classes]
    few = [order[:per_class] for order in orders]
    others = [order[per_class : per_class + _TEST_IMAGES] for order in orders]
    return Draw(
        few=np.concatenate(few),
        few_targets=_numbered(few),
        others=np.concatenate(others),
        other_targets=_numbered(others),
    )


def _numbered(parts: list[npt.NDArray[np.int64]]) -> npt.NDArray[np.int64]:
    return np.repeat(np.arange(len(parts)), [len(part) for part in parts])


def rounds(data: DataSet, per_class: int, num_rounds: int) -> Iterator[dict[float, Round]]:
    """Yield what each draw says, by spread."""
    for seed in range(num_rounds):
        drawn = draw(data.targets, per_class, seed)
        folds = np.arange(len(drawn.few)) % per_class % MAX_FOLDS
        probe = cross_validate_probe(data.embeddings[drawn.few], drawn.few_targets, folds)
        right = probe.chosen.logits.argmax(axis=1) == drawn.few_targets
        logits = probe.head.logits(data.embeddings[drawn.others])
        found = {}
        for spread in SPREADS:
            temperature = fit_temperature(
                probe.chosen.logits, drawn.few_targets, prior_spread=spread
            )
            probabilities = softmax(logits / temperature, axis=1)
            targets = drawn.other_targets
            found[spread] = Round(
                temperature=temperature,
                nll=negative_log_likelihood(logits, targets, temperature=temperature),
                ece=expected_calibration_error(probabilities, targets),
                all_right=bool(right.all()),
            )
        yield found


def _cells(of: list[Round]) -> str:
    if not of:
        return "| | | "
    temperature = np.median([r.temperature for r in of])
    nll, ece = np.mean([r.nll for r in of]), np.mean([r.ece for r in of])
    return f"| {temperature:.2f} | {nll:.3f} | {100 * ece:.1f} "


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--cache", type=Path, default=Path("runs/rejection"))
    args = parser.parse_args()
    args.cache.mkdir(parents=True, exist_ok=True)
    sets = embed_all(args.data, args.cache)
    columns = "temperature | NLL | ECE, %"
    print(f"| data | images a class | spread | {columns} | rounds all right | {columns} |")
    print("|---" * 10 + "|")
    means: list[dict[str, float | str]] = []
    for name in DATA_SETS:
        for per_class in IMAGES_A_CLASS:
            found = list(rounds(sets[name], per_class, args.rounds))
            for spread in SPREADS:
                every = [results[spread] for results in found]
                sure = [result for result in every if result.all_right]
                label = "none" if np.isinf(spread) else f"{spread:g}"
                mean = float(np.mean([result.nll for result in every]))
                means.append({"data": name, "images": per_class, "spread": label, "nll": mean})
                print(
                    f"| {name} | {per_class} | {label} {_cells(every)}| {len(sure)} {_cells(sure)}|"
                )
    print(json.dumps(means))


if __name__ == "__main__":
    main()
