"""What a teacher is worth (--teacher, --unlabelled): a small model alone, taught, and its teacher.

    python -m benchmarks.training.distillation

Of each class of cifar10 some training images keep their label, the others lie in one folder without. The
teacher learns from those with a label; the student is a linear probe. `--settings` says which teacher and
student. It is measured whether it would be published or not, and what the rule of choice says is noted.
"""

import argparse
import json
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any, Final
from unittest.mock import patch

from benchmarks.machine import this_machine
from benchmarks.training.trials import SHARED
from training import finetune
from training.candidates.selection import Decision, PairedComparison

_DATA: Final = SHARED / "data" / "cifar10"
_DOGS: Final = SHARED / "weights" / "mobilenetv2_100.tf_dogs.safetensors"
_ALONE: Final = "student alone"
_LABELLED: Final = "student, teacher's answers on labelled images"
_UNLABELLED: Final = "student, teacher's answers on unlabelled images too"
_TEACHER: Final = "teacher"
_UNGATED: Final = "ungated"
_VALIDATION_EVERY: Final = 6
_SAYS: Final = "the rule of choice is for what was taught: "


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A teacher and a student, as options of `training.finetune`."""

    teacher: tuple[str, ...]
    student: tuple[str, ...]


_LITE2: Final = ("--backbone", "tf_efficientnet_lite2", "--method", "probe")
_LITE1: Final = ("--backbone", "tf_efficientnet_lite1", "--method", "finetune")
_DOGS_NETWORK: Final = (
    *("--backbone", "mobilenetv2_100", "--weights", str(_DOGS)),
    *("--mean", "0.5", "--std", "0.5", "--backbone-args", "pad_type=same", "bn_eps=0.001"),
)
SETTINGS: Final[Mapping[str, Setting]] = {
    "MobileNetV2 (dogs), taught by Lite2": Setting(teacher=_LITE2, student=_DOGS_NETWORK),
    "Lite0, taught by MobileNetV2 (dogs)": Setting(
        teacher=(*_DOGS_NETWORK, "--method", "probe"), student=()
    ),
    "Lite0 at 96 px, taught by Lite2 at 260 px": Setting(
        teacher=_LITE2, student=("--image-size", "96")
    ),
    "Lite0, taught by a fine-tuned Lite1, both at 128 px": Setting(
        teacher=(*_LITE1, "--time-budget", "90s", "--image-size", "128"),
        student=("--image-size", "128"),
    ),
}


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


def measure(
    work: Path, names: Sequence[str], labelled: int, *, seed: int
) -> Iterator[dict[str, Any]]:
    """Yield a row for the teacher and each way of making the student, setting by setting."""
    write_parts(labelled, work, seed=seed)
    common = ["--seed", str(seed), "--offline"]
    teachers: dict[tuple[str, ...], tuple[Path, dict[str, Any]]] = {}
    for name in names:
        setting, about = SETTINGS[name], {"setting": name, "seed": seed, "machine": this_machine()}
        if setting.teacher not in teachers:
            published = f"teacher{len(teachers)}"
            row = _run(_TEACHER, work, [*common, "--name", published, *setting.teacher])
            teachers[setting.teacher] = work / "models" / published, row
        package, row = teachers[setting.teacher]
        yield row | about
        alone = [*common, "--name", "student", "--method", "probe", *setting.student]
        yield _run(_ALONE, work, alone) | about
        taught = [*alone, "--teacher", str(package)]
        yield _run(_LABELLED, work, taught, module=_UNGATED) | about
        pile = ["--unlabelled", str(work / "pile")]
        yield _run(_UNLABELLED, work, [*taught, *pile], module=_UNGATED) | about


def _run(name: str, work: Path, options: Sequence[str], *, module: str = "") -> dict[str, Any]:
    command = ["training.finetune"] if not module else ["benchmarks.training.distillation", module]
    folders = ["--models-dir", str(work / "models"), "--cache-dir", str(work / "cache")]
    fixed = ["--leakage", "drop", "--tracker", "none", "--make-default", "always"]
    printed = subprocess.run(
        [sys.executable, "-m", *command, str(work / "few"), *folders, *options, *fixed],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout
    lines = printed.splitlines()
    metrics = json.loads((Path(lines[-1]) / "metrics.json").read_text(encoding="utf-8"))["metrics"]
    return {
        "name": name,
        "published": f"{_SAYS}True" in lines,
        **{
            part: {"accuracy": metrics[part]["accuracy"], "nll": metrics[part]["nll"]}
            for part in ("val", "test")
        },
    }


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Return the means over the seeds, setting by setting."""
    lines = ["| | test accuracy % | each seed | loss, nats | the rule publishes it |"]
    lines += ["|---|---|---|---|---|"]
    for setting in dict.fromkeys(row["setting"] for row in rows):
        of_setting = [row for row in rows if row["setting"] == setting]
        lines.append(f"| **{setting}** | | | | |")
        for name in dict.fromkeys(row["name"] for row in of_setting):
            lines.append(_line(name, [row for row in of_setting if row["name"] == name]))
    return "\n".join(lines)


def _line(name: str, rows: Sequence[dict[str, Any]]) -> str:
    accuracy = [100 * row["test"]["accuracy"] for row in rows]
    loss = fmean(row["test"]["nll"] for row in rows)
    taught = sum(row["published"] for row in rows)
    each = " ".join(f"{value:.1f}" for value in accuracy)
    times = f"{taught} of {len(rows)}" if name in (_LABELLED, _UNLABELLED) else ""
    return f"| {name} | {fmean(accuracy):.1f} | {each} | {loss:.3f} | {times} |"


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
    parser.add_argument("--settings", nargs="+", default=list(SETTINGS), choices=SETTINGS)
    parser.add_argument("--seeds", type=int, default=3, metavar="N", help="seeds 0 to N-1")
    parser.add_argument("--results", type=Path, default=Path("training-distillation.jsonl"))
    args = parser.parse_args()
    rows: list[dict[str, Any]] = []
    if args.results.exists():
        rows = [json.loads(line) for line in args.results.read_text(encoding="utf-8").splitlines()]
    for seed in range(args.seeds):
        done = {row["setting"] for row in rows if row["seed"] == seed}
        names = [name for name in args.settings if name not in done]
        with tempfile.TemporaryDirectory(prefix="graft-distillation-") as folder:
            found = list(measure(Path(folder), names, args.labelled, seed=seed)) if names else []
        rows += found
        with args.results.open("a", encoding="utf-8") as stream:
            stream.writelines(json.dumps(row) + "\n" for row in found)
        print(table(rows), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
