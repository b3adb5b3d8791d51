"""Test accuracy of the probe and of fine-tuning, over seeds, on three small data sets.

    python -m benchmarks.training.table
    python -m benchmarks.training.table --only cifar10 Lite0 --minutes 5

Each run is the command in a process, a cache and a repository of its own. Results are appended to a
file; the same command makes the runs that are not yet in it, and prints the table of all.
"""

import argparse
from pathlib import Path

from benchmarks.training.results import Result, Trial
from benchmarks.training.trials import (
    DATA,
    WEIGHTS,
    parse_minutes,
    run_all,
    run_graft,
    seeds_of,
    selected,
)


def plan(minutes: tuple[float, ...], num_seeds: int | None) -> list[Trial]:
    """Return the trials of the whole table: a probe each, and a run of each length."""
    methods = [("probe", None), *(("finetune", limit) for limit in minutes)]
    return [
        Trial(data=data, weights=weights.name, method=method, minutes=limit, seed=seed)
        for data in DATA
        for weights in WEIGHTS
        for method, limit in methods
        for seed in seeds_of(data, num_seeds)
    ]


def run_trial(trial: Trial, data: Path, work: Path) -> Result:
    """Make one run."""
    weights = next(w for w in WEIGHTS if w.name == trial.weights)
    return run_graft(trial, data, work, weights)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--only", nargs="+", default=[], metavar="WORD", help="runs with all of these words"
    )
    parser.add_argument("--minutes", type=parse_minutes, default=(5.0, 15.0), metavar="5,15")
    parser.add_argument("--seeds", type=int, metavar="N", help="seeds 0 to N-1 (3, members 5)")
    parser.add_argument("--results", type=Path, default=Path("training-table.jsonl"))
    args = parser.parse_args()
    run_all(selected(plan(args.minutes, args.seeds), args.only), args.results, run_trial)


if __name__ == "__main__":
    main()
