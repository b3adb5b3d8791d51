"""What a teacher is worth (--teacher, --unlabelled): a small model alone, taught, and its teacher.

    python -m benchmarks.training.distillation

Of each class of cifar10 some training images keep their label, the others lie in one folder without. The
teacher, EfficientNet-Lite1, is fine-tuned on those with a label; the student is the probe on Lite0. It is
measured whether it would be published or not, and what the rule of choice says is noted.
"""

import argparse
import json
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any, Final
from unittest.mock import patch

from benchmarks.machine import this_machine
from benchmarks.training.trials import SHARED
from training import finetune
from training.candidates.selection import Decision, PairedComparison

_DATA: Final = SHARED / "data" / "cifar10"
_TEACHER_BACKBONE: Final = "tf_efficientnet_lite1"
_ALONE: Final = "student alone"
_LABELLED: Final = "student, teacher's answers on labelled images"
_UNLABELLED: Final = "student, teacher's answers on unlabelled images too"
_TEACHER: Final = "teacher"
_UNGATED: Final = "ungated"
_VALIDATION_EVERY: Final = 6
_SAYS: Final = "the rule of choice is for what was taught: "


def write_parts(labelled: int, out: Path, *, seed: int) -> None:
    """Copy `labelled` images a class into `out/few`, the others into `out/pile`, and all test images."""
    rng = random.Random(seed)
    (out / "pile").mkdir(parents=True)
    for folder in sorted((_DATA / "train").iterdir()):
        files = sorted(folder.iterdir())
        rng.shuffle(files)
        for place, file in enumerate(
            files[:labelled]
        ):  # val/, so that the teacher is not fitted on it
            part = "val" if place % _VALIDATION_EVERY == 0 else "train"
            target = out / "few" / part / folder.name
            target.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, target)
        for file in files[labelled:]:
            shutil.copy(file, out / "pile" / f"{rng.getrandbits(64):016x}-{file.name}")
    shutil.copytree(_DATA / "test", out / "few" / "test")


def measure(work: Path, args: argparse.Namespace, seed: int) -> list[dict[str, Any]]:
    """Return a row for the teacher and each way of making the student."""
    write_parts(args.labelled, work, seed=seed)
    common = ["--image-size", str(args.image_px), "--seed", str(seed), "--offline"]
    budget = ["--time-budget", args.teacher_time, "--method", "finetune"]
    rows = [
        _run(_TEACHER, work, [*common, "--backbone", _TEACHER_BACKBONE, *budget]),
        _run(_ALONE, work, [*common, "--method", "probe"]),
    ]
    taught = [*common, "--method", "probe", "--teacher", str(work / "models" / "teacher")]
    rows.append(_run(_LABELLED, work, taught, module=_UNGATED))
    pile = ["--unlabelled", str(work / "pile")]
    rows.append(_run(_UNLABELLED, work, [*taught, *pile], module=_UNGATED))
    return [row | {"seed": seed, "machine": this_machine()} for row in rows]


def _run(name: str, work: Path, options: Sequence[str], *, module: str = "") -> dict[str, Any]:
    command = ["training.finetune"] if not module else ["benchmarks.training.distillation", module]
    published = "teacher" if name == _TEACHER else "student"
    folders = ["--models-dir", str(work / "models"), "--cache-dir", str(work / "cache")]
    fixed = ["--leakage", "drop", "--tracker", "none", "--make-default", "always"]
    data = [str(work / "few"), "--name", published]
    printed = subprocess.run(
        [sys.executable, "-m", *command, *data, *folders, *options, *fixed],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout
    lines = printed.splitlines()
    metrics = json.loads((Path(lines[-1]) / "metrics.json").read_text(encoding="utf-8"))["metrics"]
    return {
        "name": name,
        "published": f"{_SAYS}True" in lines,
        "val": metrics["val"],
        "test": metrics["test"],
    }


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Return the means over the seeds."""
    lines = ["| | test accuracy % | each seed | loss, nats | times published |"]
    lines += ["|---|---|---|---|---|"]
    for name in dict.fromkeys(row["name"] for row in rows):
        of_name = [row for row in rows if row["name"] == name]
        accuracy = [100 * row["test"]["accuracy"] for row in of_name]
        loss = fmean(row["test"]["nll"] for row in of_name)
        taught = sum(row["published"] for row in of_name)
        each = " ".join(f"{value:.1f}" for value in accuracy)
        times = f"{taught} of {len(of_name)}" if name in (_LABELLED, _UNLABELLED) else ""
        lines.append(f"| {name} | {fmean(accuracy):.1f} | {each} | {loss:.3f} | {times} |")
    return "\n".join(lines)


def main() -> int:
    """Run the command line, or `training.finetune` with what was taught published in any case."""
    if sys.argv[1:2] == [_UNGATED]:
        decide = PairedComparison.decide_if_convinced

        def say_and_choose_trained(comparison: PairedComparison) -> Decision:
            print(f"{_SAYS}{decide(comparison).chooses_trained}")
            return Decision(chooses_trained=True, because="the benchmark asks for it")

        with patch.object(PairedComparison, "decide_if_convinced", say_and_choose_trained):
            return finetune.main(sys.argv[2:])
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--labelled", type=int, default=50, metavar="N", help="images a class")
    parser.add_argument("--image-px", type=int, default=128, metavar="PX")
    parser.add_argument("--teacher-time", default="90s", metavar="TIME")
    parser.add_argument("--seeds", type=int, default=3, metavar="N", help="seeds 0 to N-1")
    parser.add_argument("--results", type=Path, default=Path("training-distillation.jsonl"))
    args = parser.parse_args()
    rows: list[dict[str, Any]] = []
    if args.results.exists():
        rows = [json.loads(line) for line in args.results.read_text(encoding="utf-8").splitlines()]
    for seed in range(args.seeds):
        if any(row["seed"] == seed for row in rows):
            continue
        with tempfile.TemporaryDirectory(prefix="graft-distillation-") as folder:
            found = measure(Path(folder), args, seed)
        rows += found
        with args.results.open("a", encoding="utf-8") as stream:
            stream.writelines(json.dumps(row) + "\n" for row in found)
        print(table(rows), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
