"""One probe run in a process of its own, looked at whenever one of its progress events arrives."""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from benchmarks.growth.process_usage import cpu_seconds, take_peak_mb
from benchmarks.growth.results import Result
from benchmarks.growth.stages import Look, costs_of
from benchmarks.machine import this_machine

_METRICS: Final = "metrics.json"


class RunFailed(Exception):
    """The run ended with an error; the message is what it wrote."""


def measure_run(
    data: Path, work: Path, *, images: int, classes: int, trunks: Path | None = None
) -> Result:
    """Train a probe on `data`, with a cache that is empty but for `trunks`; what it writes lies in `work`.

    Raises:
        RunFailed: it did not end well.
    """
    cache = work / "cache"
    if trunks is not None:
        shutil.copytree(trunks, cache / "trunks")
    bytes_before = _bytes_below(cache)
    command = [sys.executable, "-m", "training.finetune", str(data), "--method", "probe"]
    command += ["--offline", "--progress", "json", "--name", "growth"]
    command += ["--cache-dir", str(cache), "--models-dir", str(work / "models")]
    log = work / "stderr.txt"
    with (
        log.open("wb") as stderr,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True) as process,
    ):
        looks, published = _watch(process, cache)
        code = process.wait()
    if code != 0 or published is None:
        raise RunFailed(log.read_text(encoding="utf-8", errors="replace")[-4000:])
    metrics = json.loads((published / _METRICS).read_text(encoding="utf-8"))
    return Result(
        images=images,
        classes=classes,
        machine=this_machine(),
        commit=_commit(),
        seconds=round(looks[-1].time_s, 1),
        cpu_seconds=round(looks[-1].cpu_s, 1),
        peak_mb=round(max(look.peak_mb for look in looks)),
        cache_bytes=_bytes_below(cache) - bytes_before,
        stages=costs_of(looks),
        package_bytes=_package_bytes(published),
        copies=_copies(metrics["audit"]),
        accuracy=round(metrics["metrics"]["test"]["accuracy"], 4),
        cached_backbone=trunks is not None,
    )


def _watch(process: "subprocess.Popen[str]", cache: Path) -> tuple[list[Look], Path | None]:
    """Return a look at the process for each event of a stage, and the folder that it published."""
    began, bytes_before = time.monotonic(), _bytes_below(cache)
    looks: list[Look] = []
    seen: set[str] = set()
    published = None
    assert process.stdout is not None
    for line in process.stdout:
        event = json.loads(line)
        stage = event.get("stage")
        if event["event"] in ("stage", "end"):
            looks.append(
                Look(
                    stage=stage,
                    begins=stage not in seen or event.get("done") == 0,
                    time_s=time.monotonic() - began,
                    cpu_s=cpu_seconds(process.pid),
                    peak_mb=take_peak_mb(process.pid),
                    cache_bytes=_bytes_below(cache) - bytes_before,
                )
            )
            seen |= {stage}
        published = event.get("folder") or published
    return looks, None if published is None else Path(published)


def _bytes_below(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _package_bytes(folder: Path) -> Mapping[str, int]:
    sizes = {path.name: _bytes_below(path) for path in folder.iterdir() if path.is_dir()}
    return sizes | {p.name: p.stat().st_size for p in sorted(folder.iterdir()) if p.is_file()}


def _copies(audit: Mapping[str, Any]) -> int:
    return len(audit["exact_duplicates"]) + len(audit["near_duplicates"])


def _commit() -> str:
    command = ["git", "rev-parse", "--short", "HEAD"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
