"""Prediction over many images: its rate beside decoding and model alone, a killed run, a million paths.

    python -m benchmarks.bulk --package models/NAME/VERSION --photos FOLDER [--images 20000]

*Rate*: the command, from its start to its last row, beside the same images decoded and answered in threads
of one process that has them in memory and writes nothing. Taken in turns; beside images a second also
milliseconds of a core an image, which a busy machine changes less. *Resume*: the command killed at a random
moment (SIGKILL) and resumed, its file compared byte by byte with the unbroken run's. *Memory*: the peak with
lists of paths that lead nowhere.
"""

import argparse
import json
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from inference import SessionConfig, open_classifier
from inference.cores import usable_cores
from inference.folder_tree import has_image_suffix

_MEMORY_SHARE: Final = 50
_POLL_S: Final = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a number of images took."""

    images: int
    seconds: float
    cpu_seconds: float
    peak_mb: float = 0.0

    def as_json(self) -> dict[str, float]:
        """Return images a second, milliseconds of a core an image, and MB at the peak."""
        return {
            "images_per_s": round(self.images / self.seconds, 1),
            "cpu_ms_per_image": round(1e3 * self.cpu_seconds / self.images, 2),
            "peak_mb": round(self.peak_mb),
        }


def main() -> None:
    """Measure, print a table and one line of JSON."""
    args = _arguments()
    with tempfile.TemporaryDirectory(prefix="graft-bulk-") as scratch:
        folder = Path(scratch)
        images = [
            p.read_bytes() for p in sorted(args.photos.rglob("*")) if has_image_suffix(p.name)
        ]
        photos = make_photos(images, folder / "photos", args.images)
        results: dict[str, Any] = {
            "rate": [
                _rates(args.package, images, args.images, photos, folder / f"round-{number}.csv")
                for number in range(args.rounds)
            ]
        }
        results["resume"] = _resumed(args.package, photos, folder)
        results["memory"] = _memory(args.package, folder, args.paths)
    for name, result in results.items():
        print(f"{name}: {json.dumps(result, indent=2)}")
    print(json.dumps(results))


def make_photos(images: Sequence[bytes], folder: Path, number: int) -> Path:
    """Make a folder of so many photos, no two files equal: the same ones with other bytes at their end."""
    for index in range(number):
        below = folder / f"{index // 1000:04d}"
        below.mkdir(parents=True, exist_ok=True)
        # Every decoder stops at the image's own end.
        data = images[index % len(images)] + index.to_bytes(8, "big")
        (below / f"{index:07d}.jpg").write_bytes(data)
    return folder


def _rates(
    package: Path, images: Sequence[bytes], number: int, photos: Path, out: Path
) -> dict[str, Any]:
    alone = _pipeline_alone(package, images, number)
    bulk = run_command(package, [str(photos)], out)
    return {
        "pipeline": alone.as_json(),
        "bulk": bulk.as_json(),
        "share_by_clock": round(alone.seconds / bulk.seconds, 3),
        "share_by_cpu": round(alone.cpu_seconds / bulk.cpu_seconds, 3),
    }


def _pipeline_alone(package: Path, images: Sequence[bytes], number: int) -> Cost:
    classifier = open_classifier(
        package, session=SessionConfig(provider="cpu", intra_op_threads=1), precision="fp32"
    )

    def answer(index: int) -> None:
        classifier.run([classifier.prepare(images[index % len(images)]).pixels])

    cpu, started = time.process_time(), time.perf_counter()
    with ThreadPoolExecutor(usable_cores()) as pool:
        for _ in pool.map(answer, range(number)):
            pass
    return Cost(
        images=number,
        seconds=time.perf_counter() - started,
        cpu_seconds=time.process_time() - cpu,
    )


def run_command(package: Path, sources: Sequence[str], out: Path) -> Cost:
    """Run the command to its end, its start included."""
    started = time.perf_counter()
    process = subprocess.Popen(_command(package, sources, out), stderr=subprocess.DEVNULL)
    _, _, used = os.wait4(process.pid, 0)
    process.returncode = 0
    return Cost(
        images=_rows(out),
        seconds=time.perf_counter() - started,
        cpu_seconds=used.ru_utime + used.ru_stime,
        peak_mb=_peak_mb(used),
    )


def _resumed(package: Path, photos: Path, folder: Path) -> dict[str, Any]:
    """Kill a run somewhere between a tenth and nine tenths, resume it, and compare."""
    out, unbroken = folder / "killed.csv", folder / "round-0.csv"
    total = _rows(unbroken)
    kill_at = random.Random(0).randint(total // 10, total * 9 // 10)
    process = subprocess.Popen(_command(package, [str(photos)], out), stderr=subprocess.DEVNULL)
    while process.poll() is None and (not out.exists() or _rows(out) < kill_at):
        time.sleep(_POLL_S)
    process.send_signal(signal.SIGKILL)
    process.wait()
    with out.open("ab") as torn:
        torn.write(b'a row that was "not')
    killed_at = _rows(out)
    again = _command(package, [str(photos)], out)
    subprocess.run([*again, "--resume"], check=True, stderr=subprocess.DEVNULL)
    return {
        "killed_after_rows": killed_at,
        "rows": _rows(out),
        "equal_to_an_unbroken_run": out.read_bytes() == unbroken.read_bytes(),
    }


def _memory(package: Path, folder: Path, paths: int) -> dict[str, Any]:
    found = {}
    for number in (paths // _MEMORY_SHARE, paths):
        listed = folder / f"{number}.txt"
        with listed.open("w", encoding="utf-8") as lines:
            lines.writelines(f"archive/2026/photo-{index:09d}.jpg\n" for index in range(number))
        found[f"{number} paths"] = run_command(
            package, [str(listed)], folder / f"{number}.csv"
        ).as_json()
    return found


def _command(package: Path, sources: Sequence[str], out: Path) -> list[str]:
    options = ["--provider", "cpu", "--precision", "fp32", "--out", str(out)]
    return [sys.executable, "-m", "inference", str(package), *sources, *options]


def _rows(file: Path) -> int:
    """Return the rows of a CSV file without line ends in its cells."""
    with file.open("rb") as lines:
        return max(sum(1 for _ in lines) - 1, 0)


def _peak_mb(used: resource.struct_rusage) -> float:
    return used.ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--package", type=Path, required=True)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--images", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--paths", type=int, default=1_000_000)
    return parser.parse_args()


if __name__ == "__main__":
    main()
