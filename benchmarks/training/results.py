"""What runs gave: kept as lines of JSON, so that a long series can be cut off and resumed."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean

from training.assessment.intervals import wilson

Key = tuple[str, str, str, float | None, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One run that is to be made.

    Attributes:
        data: the name of the data set.
        weights: the name of the initial weights.
        method: "probe", "finetune", or a peer's name.
        minutes: what the run may take, or None for as long as it needs.
        seed: of the run, and of the outer split where there is one.
    """

    data: str
    weights: str
    method: str
    minutes: float | None
    seed: int

    @property
    def key(self) -> Key:
        """What makes two trials the same."""
        return self.data, self.weights, self.method, self.minutes, self.seed

    def describe(self) -> str:
        """Return the trial in a few words."""
        limit = "" if self.minutes is None else f" {self.minutes:g} min"
        return f"{self.data}, {self.weights}, {self.method}{limit}, seed {self.seed}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a run gave.

    Attributes:
        trial: the run.
        right: test images that were named rightly; None for a run that failed.
        images: test images; 0 for a run that failed.
        seconds: wall time from the start of its process to its end.
        note: what the run says of itself, or why it failed.
        machine: what it ran on; a budget buys different runs on different machines.
    """

    trial: Trial
    right: int | None
    images: int
    seconds: float
    note: str = ""
    machine: str = ""


def append_result(file: Path, result: Result) -> None:
    """Write one more line; what was written before stays."""
    file.parent.mkdir(parents=True, exist_ok=True)
    # A line that was cut off must not take this one with it.
    cut_off = file.exists() and not file.read_bytes().endswith(b"\n")
    line = json.dumps(asdict(result), ensure_ascii=False) + "\n"
    with file.open("a", encoding="utf-8") as stream:
        stream.write("\n" * cut_off + line)


def read_results(file: Path) -> list[Result]:
    """Return what was written, the last one of each trial; a line that was cut off is left out."""
    if not file.exists():
        return []
    found: dict[Key, Result] = {}
    for line in file.read_text(encoding="utf-8").splitlines():
        try:
            values = json.loads(line)
        except json.JSONDecodeError:
            continue
        result = Result(**values | {"trial": Trial(**values["trial"])})
        found[result.trial.key] = result
    return list(found.values())


def left_to_do(trials: Iterable[Trial], results: Iterable[Result]) -> list[Trial]:
    """Return the trials without a result; those that failed are tried again."""
    done = {result.trial.key for result in results if result.right is not None}
    return [trial for trial in trials if trial.key not in done]


def markdown(results: Sequence[Result]) -> str:
    """Return a table with a row for each data set, weights, method and limit, over the seeds.

    The interval is Wilson's for the mean accuracy on one seed's number of test images: seeds share
    images, so that more of them do not make it narrower. Machines are numbered, and named below.
    """
    machines = list(dict.fromkeys(result.machine for result in results))
    lines = [
        "| data | weights | method | minutes | seeds | accuracy % | 95 % interval | each seed | seconds "
        "| machine |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for group in _grouped(results):
        trial = group[0].trial
        limit = "" if trial.minutes is None else f"{trial.minutes:g}"
        head = f"| {trial.data} | {trial.weights} | {trial.method} | {limit} | {len(group)} "
        sound = [result for result in group if result.right is not None]
        if not sound:
            lines.append(f"{head}| failed: {group[0].note} | | | | |")
            continue
        shares = [(result.right or 0) / result.images for result in sound]
        mean, images = fmean(shares), round(fmean(result.images for result in sound))
        low, high = wilson(round(mean * images), images) or (0.0, 1.0)
        each = " ".join(f"{100 * share:.1f}" for share in shares)
        ran_on = sorted({machines.index(result.machine) + 1 for result in sound})
        seconds = fmean(result.seconds for result in sound)
        failed = f" ({len(group) - len(sound)} failed)" if len(sound) < len(group) else ""
        lines.append(
            f"{head}| {100 * mean:.1f}{failed} | {100 * low:.1f} to {100 * high:.1f} | {each} "
            f"| {seconds:.0f} | {', '.join(map(str, ran_on))} |"
        )
    named = (f"{n}: {machine or 'not recorded'}" for n, machine in enumerate(machines, start=1))
    return "\n".join([*lines, "", "Machines: " + "; ".join(named)])


def _grouped(results: Sequence[Result]) -> Iterator[list[Result]]:
    """Yield the results that differ by the seed only, in the order in which they first came."""
    groups: dict[tuple[str, str, str, float | None], list[Result]] = {}
    for result in results:
        groups.setdefault(result.trial.key[:4], []).append(result)
    for group in groups.values():
        yield sorted(group, key=lambda result: result.trial.seed)
