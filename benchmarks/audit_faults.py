"""How many planted faults our audit finds, beside cleanvision and cleanlab at their defaults.

`python -m benchmarks.audit_faults --data ../shared/data/clothing --seed 0 [--out DIR]`. DIR keeps the
planted folder, the truth, every report, and a sheet of the reported pairs that nobody planted.

Precision is that of a check over all kinds it is for: a list of near duplicates does not say which of
them are crops. Pairs that were in the folder before are listed; those that `audit_faults_judged.json`
(looked at by a person) calls one photo count neither way, all others count as wrong.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from PIL import Image

from benchmarks.planting import CORRUPT_KINDS, TRUTH_FILE, Truth, plant_faults
from benchmarks.reports import (
    Judged,
    Pair,
    Report,
    Score,
    read_report,
    score_report,
    table,
    unplanted_pairs,
    unplanted_suspects,
)

JUDGED_FILE: Final = Path(__file__).with_name("audit_faults_judged.json")
_TILE_PX: Final = 160
_SHEET_COLUMNS: Final = 4


def main() -> None:
    """Plant, run all, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--share", type=float, default=0.05, help="of all images, for each kind")
    parser.add_argument("--out", type=Path, help="a new folder to keep everything in")
    args = parser.parse_args()
    if args.out is not None:
        args.out.mkdir(parents=True)
        compare(args.data, args.out, seed=args.seed, share=args.share)
        return
    with tempfile.TemporaryDirectory(prefix="audit-faults-") as out:
        compare(args.data, Path(out), seed=args.seed, share=args.share)


def compare(data: Path, out: Path, *, seed: int, share: float) -> None:
    """Plant faults into a copy of `data`, run the three tools on it, and print how they did."""
    truth = plant_faults(data, out / "planted", seed=seed, share=share)
    truth.save(out / TRUTH_FILE)
    runs = {
        "graft": _run_audit(out / "planted", out, "graft"),
        "cleanvision": _run_cleanvision(truth, out),
        "cleanlab": _run_peer("cleanlab", out / "planted", out),
    }
    clean = _run_audit(data, out, "graft-clean-folder")
    judged = Judged.read(JUDGED_FILE)
    scores = {
        tool: score_report(run.report, truth, judged) for tool, run in runs.items() if run.report
    }
    print(table(scores))
    for tool, run in runs.items():
        if run.problem:
            print(f"\n{tool}: {run.problem}")
    _print_missed(scores.get("graft", {}), truth)
    _print_unplanted(runs, truth, judged, data, out)
    _print_clean(clean)
    print(json.dumps(_summary(truth, runs, scores)))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """What one tool made of the planted folder."""

    report: Report | None
    problem: str = ""


def _run_audit(data: Path, out: Path, name: str) -> _Run:
    file = out / f"{name}.json"
    html = out / f"{name}.html"
    arguments = [
        str(data),
        "--json",
        str(file),
        "--html",
        str(html),
        "--cache-dir",
        str(out / "cache"),
    ]
    return _run([sys.executable, "-m", "training.audit", *arguments], file)


def _run_peer(tool: str, data: Path, out: Path) -> _Run:
    file = out / f"{tool}.json"
    arguments = [tool, str(data), str(file), "--cache-dir", str(out / "cache")]
    return _run([sys.executable, "-m", "benchmarks.peers", *arguments], file)


def _run_cleanvision(truth: Truth, out: Path) -> _Run:
    """Run it on the planted folder; where it breaks, say so and take the corrupt files away."""
    run = _run_peer("cleanvision", out / "planted", out)
    if run.report is not None:
        return run
    aside = out / "corrupt"
    moved = [fault.path for fault in truth.of(*CORRUPT_KINDS)]
    _move(moved, out / "planted", aside)
    try:
        again = _run_peer("cleanvision", out / "planted", out)
    finally:
        _move(moved, aside, out / "planted")
    note = (
        f"fails on the planted folder ({run.problem}); these figures are without the corrupt files"
    )
    return _Run(report=again.report, problem=note if again.report else again.problem)


def _move(paths: Sequence[str], source: Path, target: Path) -> None:
    for path in paths:
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        (source / path).rename(target / path)


def _run(command: Sequence[str], file: Path) -> _Run:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    file.with_suffix(".log").write_text(done.stdout + done.stderr, encoding="utf-8")
    if done.returncode != 0 or not file.exists():
        lines = done.stderr.strip().splitlines() or ["no output"]
        return _Run(report=None, problem=f"exit code {done.returncode}: {lines[-1][:200]}")
    return _Run(report=read_report(file))


def _print_missed(scores: Mapping[str, Score | None], truth: Truth) -> None:
    """Name what our audit did not find, for whoever sets its thresholds."""
    sources = truth.sources()
    for row, score in scores.items():
        if score and score.missed and row != "all_near":
            print(f"\ngraft missed of {row.replace('_', ' ')}:")
            for path in score.missed:
                print(f"- {path} (shows {sources.get(path, path)})")


def _print_unplanted(
    runs: Mapping[str, _Run], truth: Truth, judged: Judged, data: Path, out: Path
) -> None:
    for tool, run in runs.items():
        if run.report is None:
            continue
        groups = (*(run.report.exact or ()), *(run.report.near or ()), *(run.report.leakage or ()))
        pairs = unplanted_pairs(groups, truth)
        print(f"\n{tool}: {len(pairs)} reported pairs of images that nobody planted")
        for pair in pairs[:40]:
            print(f"- {_verdict(pair, judged)}: {pair[0]} | {pair[1]}")
        if pairs:
            _write_sheet(pairs, data, out / f"{tool}-unplanted.jpg")
        suspects = unplanted_suspects(run.report, truth)
        if run.report.suspects is not None:
            print(f"\n{tool}: {len(suspects)} suspect labels that nobody swapped")


def _verdict(pair: Pair, judged: Judged) -> str:
    if pair in judged.same:
        return "one photo"
    return "two photos" if pair in judged.different else "not looked at"


def _write_sheet(pairs: Sequence[Pair], data: Path, file: Path) -> None:
    """Write the pairs side by side, in the order printed."""
    shown = pairs[:80]
    rows = -(-len(shown) // _SHEET_COLUMNS)
    gap = _TILE_PX // 8
    cell_px = 2 * _TILE_PX + gap
    sheet = Image.new("RGB", (_SHEET_COLUMNS * cell_px, rows * _TILE_PX), "white")
    for index, pair in enumerate(shown):
        top, left = index // _SHEET_COLUMNS * _TILE_PX, index % _SHEET_COLUMNS * cell_px
        for side, path in enumerate(pair):
            with Image.open(data / path) as image:
                tile = image.convert("RGB")
            tile.thumbnail((_TILE_PX, _TILE_PX))
            sheet.paste(tile, (left + side * _TILE_PX, top))
    sheet.save(file, quality=85)


def _print_clean(clean: _Run) -> None:
    if clean.report is None:
        print(f"\ngraft on the untouched folder: {clean.problem}")
        return
    report = clean.report
    print(
        f"\ngraft on the untouched folder: {len(report.quarantined or ())} quarantined, "
        f"{len(report.exact or ())} exact and {len(report.near or ())} near duplicate groups, "
        f"{len(report.leakage or ())} leaks, {len(report.suspects or ())} suspect labels"
    )


def _summary(
    truth: Truth,
    runs: Mapping[str, _Run],
    scores: Mapping[str, Mapping[str, Score | None]],
) -> dict[str, Any]:
    return {
        "benchmark": "audit_faults",
        "seed": truth.seed,
        "share": truth.share,
        "problems": {tool: run.problem for tool, run in runs.items() if run.problem},
        "scores": {
            tool: {row: _numbers(score) for row, score in rows.items() if score}
            for tool, rows in scores.items()
        },
    }


def _numbers(score: Score) -> dict[str, float | None]:
    numbers: dict[str, float | None] = {
        "planted": score.planted,
        "recall": round(score.recall, 4),
        "precision": None if score.precision is None else round(score.precision, 4),
    }
    return numbers if score.ranked is None else numbers | {"precision_at_n": round(score.ranked, 4)}


if __name__ == "__main__":
    main()
