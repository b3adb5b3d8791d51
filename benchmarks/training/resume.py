"""A fine-tuning run killed at random moments, and the same command given again each time.

    python -m benchmarks.training.resume --data ../shared/data/clothing [--kills 10] [--seed 0]

The command runs once unbroken. Then it is started again and again and killed (SIGKILL) at a moment drawn
from the whole life of a run: while it imports, reads images, trains, saves, exports. At last it is let
through; where it was done before its moment, another is begun. All weights of the published files have to
be equal bit by bit; exit code 1 where they are not.
Checkpoints are written every second instead of every minute, for the run is a short one.
"""

import argparse
import random
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import onnx
from onnx import numpy_helper

_COMMAND: Final = """
import sys
from training.finetuning import checkpoint
checkpoint.SAVE_EVERY_S = 1.0
from training.finetune import main
sys.exit(main(sys.argv[1:]))
"""
_NAME: Final = "killed"
_RESUMED: Final = re.compile(r"resuming at step (\d+) of (\d+)")


def main() -> int:
    """Kill, go on, compare."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    moments = random.Random(args.seed)
    with tempfile.TemporaryDirectory(prefix="resume-") as work:
        unbroken = Path(work) / "unbroken"
        began = time.monotonic()
        _let_through(args.data, unbroken)
        life_s = time.monotonic() - began
        print(f"unbroken: {life_s:.0f} s")
        (first,) = _published(unbroken)
        expected = _weights(first)
        killed, ended, differing = 0, 0, 0
        while killed < args.kills:
            broken = Path(work) / f"broken-{ended}"
            while killed < args.kills and _kill(args.data, broken, moments.uniform(0, life_s)):
                killed += 1
            if not _published(broken):
                _let_through(args.data, broken)
            ended += 1
            differing += sum(
                len(_differing(expected, _weights(file))) for file in _published(broken)
            )
    print(f"killed {killed} times in {ended} runs; weights that differ: {differing}")
    return 1 if differing else 0


def _start(data: Path, folder: Path) -> "subprocess.Popen[str]":
    options = [
        # From random weights, for then it is the trained network that is published, however good.
        *(str(data), "--name", _NAME, "--method", "scratch", "--epochs", "4"),
        *("--image-size", "96"),
        *("--models-dir", str(folder / "models"), "--cache-dir", str(folder / "cache")),
    ]
    folder.mkdir(exist_ok=True)
    return subprocess.Popen(
        [sys.executable, "-c", _COMMAND, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _let_through(data: Path, folder: Path) -> None:
    process = _start(data, folder)
    output, _ = process.communicate()
    if process.returncode != 0:
        raise SystemExit(f"the run failed:\n{output}")
    _say(output, "let through")


def _kill(data: Path, folder: Path, after_s: float) -> bool:
    """Start the command and kill it; return False where it was done before."""
    process = _start(data, folder)
    try:
        output, _ = process.communicate(timeout=after_s)
    except subprocess.TimeoutExpired:
        process.kill()
        output, _ = process.communicate()
        _say(output, f"killed after {after_s:.1f} s")
        return True
    _say(output, "done before it was killed")
    return False


def _say(output: str, outcome: str) -> None:
    resumed = _RESUMED.search(output)
    begun = f"from step {resumed[1]} of {resumed[2]}" if resumed else "from the beginning"
    last = output.strip().splitlines()[-1].strip() if output.strip() else "nothing"
    print(f"{begun}, {outcome}; its last line: {last[:90]}", flush=True)


def _published(folder: Path) -> list[Path]:
    """Return the files of all versions: a run killed just behind its end is done again."""
    return list((folder / "models" / _NAME).glob("[0-9]*/model.onnx"))


def _weights(file: Path) -> dict[str, npt.NDArray[np.generic]]:
    model = onnx.load(file)
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}


def _differing(
    one: dict[str, npt.NDArray[np.generic]], other: dict[str, npt.NDArray[np.generic]]
) -> list[str]:
    if one.keys() != other.keys():
        return sorted(one.keys() ^ other.keys())
    return [name for name, value in one.items() if value.tobytes() != other[name].tobytes()]


if __name__ == "__main__":
    sys.exit(main())
