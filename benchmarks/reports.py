"""What a tool reports of a folder, in the form of our audit's JSON, and how much of it is right."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import Any

from benchmarks.planting import CORRUPT_KINDS, NEAR_KINDS, Truth

Groups = tuple[tuple[str, ...], ...]
Pair = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One tool's findings; None where it has no such check. Paths are relative to the folder.

    `suspects` are the files with a suspect label, the most suspect first.
    """

    quarantined: tuple[str, ...] | None
    exact: Groups | None
    near: Groups | None
    leakage: Groups | None
    suspects: tuple[str, ...] | None


def read_report(file: Path) -> Report:
    """Read the JSON of `training.audit`, or what `benchmarks.peers` wrote in its form."""
    data: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return Report(
        quarantined=_column(data["quarantined"], "path"),
        exact=_groups(data["exact_duplicates"]),
        near=_groups(data["near_duplicates"]),
        leakage=_groups(_column(data["leakage"], "paths")),
        suspects=_column(data["suspect_labels"], "path"),
    )


def _column(rows: list[dict[str, Any]] | None, key: str) -> tuple[Any, ...] | None:
    return None if rows is None else tuple(row[key] for row in rows)


def _groups(groups: Iterable[Sequence[str]] | None) -> Groups | None:
    return None if groups is None else tuple(tuple(group) for group in groups)


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """How one check did on one kind of fault.

    Attributes:
        planted, found: faults of the kind.
        missed: the files planted that were not found, sorted.
        right, wrong: what the check reported, over all kinds that it is for: planted or not.
        ranked: precision@n, among the first as many as were planted; None for checks that rank nothing.
    """

    planted: int
    found: int
    missed: tuple[str, ...]
    right: int
    wrong: int
    ranked: float | None = None

    @property
    def recall(self) -> float:
        """Share of the planted faults that were found."""
        return self.found / self.planted

    @property
    def precision(self) -> float | None:
        """Share of what was reported that was planted; None where nothing was reported."""
        reported = self.right + self.wrong
        return self.right / reported if reported else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """Pairs of the untouched folder that were looked at, with sorted paths.

    `same` are one photo, or one thing shot twice in a row from the same place: a split should not part
    them, but nobody planted them, so they count neither as right nor as wrong. `different` count as
    wrong, as do pairs that nobody has looked at.
    """

    same: frozenset[Pair]
    different: frozenset[Pair]

    @classmethod
    def read(cls, file: Path) -> "Judged":
        """Read `{"same": [[path, path]…], "different": […]}`."""
        data = json.loads(file.read_text(encoding="utf-8"))
        return cls(
            same=frozenset(_pair(*pair) for pair in data["same"]),
            different=frozenset(_pair(*pair) for pair in data["different"]),
        )


def score_report(report: Report, truth: Truth, judged: Judged) -> dict[str, Score | None]:
    """Return a score for each row of the table; None where the tool has no such check."""
    scores: dict[str, Score | None] = {}
    for kind in CORRUPT_KINDS:
        scores[kind] = _score_files(report.quarantined, truth, kind, CORRUPT_KINDS)
    scores["exact_copy"] = _score_pairs(report.exact, truth, judged, "exact_copy")
    scores["all_near"] = _score_pairs(report.near, truth, judged, *NEAR_KINDS)
    for kind in NEAR_KINDS:
        scores[kind] = _score_pairs(report.near, truth, judged, kind)
    scores["other_split_as_copy"] = _score_pairs(report.exact, truth, judged, "other_split")
    scores["other_split_as_leakage"] = _score_pairs(report.leakage, truth, judged, "other_split")
    scores["swapped_label"] = _score_suspects(report.suspects, truth)
    return {row: score for row, score in scores.items() if score is None or score.planted}


def unplanted_pairs(groups: Groups | None, truth: Truth) -> list[Pair]:
    """Return the pairs of the untouched folder that were reported, each once, sorted."""
    sources = truth.sources()
    pairs = {
        _pair(sources.get(a, a), sources.get(b, b))
        for group in groups or ()
        for a, b in combinations(group, 2)
    }
    return sorted((a, b) for a, b in pairs if a != b)


def unplanted_suspects(report: Report, truth: Truth) -> list[str]:
    """Return the files that were suspected though nobody swapped their label, in order."""
    swapped = {fault.path for fault in truth.of("swapped_label")}
    return [path for path in report.suspects or () if path not in swapped]


def _score_files(
    reported: Sequence[str] | None, truth: Truth, kind: str, category: Sequence[str]
) -> Score | None:
    if reported is None:
        return None
    planted = {fault.path for fault in truth.of(kind)}
    right = {fault.path for fault in truth.of(*category)} & set(reported)
    return Score(
        planted=len(planted),
        found=len(planted & right),
        missed=tuple(sorted(planted - right)),
        right=len(right),
        wrong=len(set(reported) - right),
    )


def _score_pairs(groups: Groups | None, truth: Truth, judged: Judged, *kinds: str) -> Score | None:
    """A planted pair is found when both paths are in one group.

    Two reported files are right when one is a planted copy of the other, or both of one image.
    """
    if groups is None:
        return None
    sources = truth.sources()
    reported = {_pair(a, b) for group in groups for a, b in combinations(group, 2)}
    right, wrong = 0, 0
    for a, b in reported:
        one, other = sources.get(a, a), sources.get(b, b)
        right += one == other
        wrong += one != other and _pair(one, other) not in judged.same
    planted = {fault.path: _pair(fault.path, fault.source) for fault in truth.of(*kinds)}
    missed = tuple(sorted(path for path, pair in planted.items() if pair not in reported))
    found = len(planted) - len(missed)
    return Score(planted=len(planted), found=found, missed=missed, right=right, wrong=wrong)


def _score_suspects(reported: Sequence[str] | None, truth: Truth) -> Score | None:
    score = _score_files(reported, truth, "swapped_label", ["swapped_label"])
    if reported is None or score is None or not score.planted:
        return score
    swapped = {fault.path for fault in truth.of("swapped_label")}
    first = sum(path in swapped for path in reported[: score.planted])
    return replace(score, ranked=first / score.planted)


def _pair(one: str, other: str) -> Pair:
    return (one, other) if one < other else (other, one)


def table(scores: Mapping[str, Mapping[str, Score | None]]) -> str:
    """Return a Markdown table: a row for each kind, recall and precision of each tool."""
    tools = list(scores)
    head = " | ".join(f"{tool} recall | precision" for tool in tools)
    lines = [f"| fault | planted | {head} |", "|---|---:|" + "---:|---:|" * len(tools)]
    for row in next(iter(scores.values())):
        planted = next((s.planted for s in (scores[tool][row] for tool in tools) if s), "–")
        cells = " | ".join(_cells(scores[tool][row]) for tool in tools)
        lines.append(f"| {row.replace('_', ' ')} | {planted} | {cells} |")
    ranked = " | ".join(_ranked_cells(scores[tool].get("swapped_label")) for tool in tools)
    lines.append(f"| swapped label, first n | | {ranked} |")
    return "\n".join(lines)


def _cells(score: Score | None) -> str:
    if score is None:
        return "– | –"
    precision = "–" if score.precision is None else f"{score.precision:.3f}"
    return f"{score.recall:.3f} | {precision}"


def _ranked_cells(score: Score | None) -> str:
    return "– | –" if score is None or score.ranked is None else f"| {score.ranked:.3f}"
