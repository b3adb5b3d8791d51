"""Two small networks trained from random weights, over seeds: LeNet-5 on digits, a CNN on CIFAR-10's 2,000.

    python -m benchmarks.training.scratch [--only LeNet] [--seeds 1]

scikit-learn's 8x8 digits, enlarged, a fifth of them the test; `../shared/data/cifar10`. Each run is the
plain command with no option but the network, `--method scratch` and the seed. Test images are read once.
"""

import argparse
from pathlib import Path
from typing import Final

from benchmarks.training.results import Result, Trial
from benchmarks.training.trials import Weights, run_all, run_graft, selected
from scripts.digits import ensure_digits

_DIGITS: Final = "digits"
_NETWORKS: Final = {
    _DIGITS: Weights(name="LeNet-5, random", options=("--backbone", "graft/lenet5")),
    "cifar10": Weights(name="small CNN, random", options=("--backbone", "graft/small_cnn")),
}


def plan(num_seeds: int) -> list[Trial]:
    """Return the runs."""
    return [
        Trial(data=data, weights=weights.name, method="scratch", minutes=None, seed=seed)
        for data, weights in _NETWORKS.items()
        for seed in range(num_seeds)
    ]


def run_trial(trial: Trial, data: Path, work: Path) -> Result:
    """Make one run; the digits are written first."""
    folder = ensure_digits(work / _DIGITS) if trial.data == _DIGITS else data
    return run_graft(trial, folder, work, _NETWORKS[trial.data])


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--only", nargs="+", default=[], metavar="WORD", help="runs with all of these words"
    )
    parser.add_argument("--seeds", type=int, default=3, metavar="N", help="seeds 0 to N-1")
    parser.add_argument("--results", type=Path, default=Path("training-scratch.jsonl"))
    args = parser.parse_args()
    run_all(selected(plan(args.seeds), args.only), args.results, run_trial)


if __name__ == "__main__":
    main()
