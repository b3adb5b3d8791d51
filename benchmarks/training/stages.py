"""What each stage of a probe run takes, by the run's own report: with an empty cache, and in later runs.

    python -m benchmarks.training.stages --work /tmp/stages
    python -m benchmarks.training.stages --work /tmp/stages --data ../shared/data/clothing
    python -m benchmarks.training.stages --work /tmp/stages --source ../other-worktree

Without `--data`, the photos are laid together from parts of real ones (`benchmarks.growth`), no two equal.
Three runs, each a process of its own: with an empty cache; with the exported backbone alone in it; with
the pixels too. `--source` runs the command of another checkout, to compare with. Prints a Markdown table
and, as "ratio", the whole over what cannot be saved: reading, features, and features of flipped images.
"""

import argparse
import html
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from benchmarks.growth.images import make_folder, read_photos
from benchmarks.machine import this_machine

PHOTOS: Final = (Path("../shared/data/clothing"), Path("../shared/data/photos"))
NEEDED: Final = ("reading images", "computing features", "computing features of flipped images")
TOGETHER: Final = "together"
# With the start of Python and the last checks, which come after the report's figures.
PROCESS: Final = "the process from start to end"
_ROW: Final = re.compile(r'<tr><th scope="row">([^<]*)</th><td>([\d.]+)</td></tr>')
_PIXELS: Final = ("shards", "index.sqlite", "index.sqlite-shm", "index.sqlite-wal")


def read_stages(report: str) -> dict[str, float]:
    """Return the seconds of each stage, and of all of them, that a report's page states."""
    start = report.index("reading images</th>")
    table = report[report.rindex("<table", 0, start) : report.index("</table>", start)]
    return {html.unescape(name): float(seconds) for name, seconds in _ROW.findall(table)}


def ratio(stages: Mapping[str, float]) -> float:
    """Return how many times as long a run takes as what cannot be saved."""
    return stages[TOGETHER] / sum(stages.get(name, 0.0) for name in NEEDED)


def as_table(runs: Mapping[str, Mapping[str, float]]) -> str:
    """Return the runs beside each other; a stage that a run lacks is left blank."""
    names = list(dict.fromkeys(name for stages in runs.values() for name in stages))
    last = (TOGETHER, PROCESS)
    names.sort(key=lambda name: last.index(name) if name in last else -1)
    lines = [f"| seconds | {' | '.join(runs)} |", "|---" * (1 + len(runs)) + "|"]
    for name in names:
        shown = (f"{s[name]:.1f}" if name in s else "" for s in runs.values())
        lines.append(f"| {name} | {' | '.join(shown)} |")
    lines.append(f"| ratio | {' | '.join(f'{ratio(s):.2f}' for s in runs.values())} |")
    return "\n".join(lines)


def measure(data: Path, work: Path, source: Path) -> dict[str, dict[str, float]]:
    """Return the stages of the three runs by what is in the cache."""
    cache = work / "cache"
    runs = {"empty cache": _run(data, work, source)}
    for part in _PIXELS:
        shutil.rmtree(cache / part) if (cache / part).is_dir() else (cache / part).unlink(
            missing_ok=True
        )
    runs["backbone cached"] = _run(data, work, source)
    runs["all cached"] = _run(data, work, source)
    return runs


def _run(data: Path, work: Path, source: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "training.finetune", str(data.resolve()), "--name", "stages"]
    command += ["--method", "probe", "--offline", "--leakage", "drop", "--allow-conflicts"]
    command += ["--cache-dir", str(work / "cache"), "--models-dir", str(work / "models")]
    environment = os.environ | {"PYTHONPATH": str(source.resolve())}
    shutil.rmtree(work / "models", ignore_errors=True)
    began = time.monotonic()
    ran = subprocess.run(
        command, check=True, cwd=source, env=environment, stdout=subprocess.PIPE, text=True
    )
    seconds = time.monotonic() - began
    report = Path(ran.stdout.splitlines()[-1]) / "report.html"
    return read_stages(report.read_text("utf-8")) | {PROCESS: seconds}


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.training.stages",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--work", type=Path, required=True, help="for photos, cache and model")
    parser.add_argument("--data", type=Path, help="a folder of photos in place of made ones")
    parser.add_argument("--images", type=int, default=3781, help="how many to make")
    parser.add_argument("--classes", type=int, default=10)
    parser.add_argument("--source", type=Path, default=Path(), help="the checkout to run")
    args = parser.parse_args(argv)
    work = args.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    data = args.data or make_folder(
        work / f"photos-{args.images}-{args.classes}",
        read_photos(PHOTOS),
        images=args.images,
        classes=args.classes,
    )
    shutil.rmtree(work / "cache", ignore_errors=True)
    print(f"{this_machine()}; {data.name}; {args.source.resolve().name}\n")
    print(as_table(measure(data, work, args.source)))


if __name__ == "__main__":
    main()
