"""What a teacher's answers are worth to a linear probe, on many draws: heads on features that are kept.

    python -m benchmarks.training.distilled_heads --features /tmp/features

As `distillation`, without the command around it: of each class of cifar10 some images have a label, some
are for testing, and all others have none. The teacher is a probe on EfficientNet-Lite2; students are probes
on a network that is weaker, and on one that is as good. What fits and decides is the product's own code.
"""

import argparse
import json
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import fmean
from types import SimpleNamespace
from typing import Any, Final, cast

import numpy as np
from scipy.special import softmax

from benchmarks.machine import this_machine
from benchmarks.training.backbone_choice import Backbones, Images, KnownFeatures, load
from training.assessment.bootstrap import share_better
from training.assessment.calibration import fit_temperature
from training.assessment.validation_result import validation_result
from training.candidates.selection import PairedComparison
from training.candidates.taught_probe import _Learner
from training.data.scan import ScannedImage
from training.data.split import Dataset
from training.probing.features import Features
from training.probing.probe import Probe, fit_probe
from training.probing.teacher_answers import TeacherAnswers
from training.runtime.arrays import Floats, Integers

_TEACHER: Final = 2
_STUDENTS: Final = (3, 0)
_TEST: Final = 50
# Of those that have a label.
_VALIDATION_SHARE: Final = 1 / 5
_WAYS: Final = ("answers on labelled images", "answers on unlabelled images too")


def deal(images: Images, labelled: int, *, seed: int) -> tuple[Dataset, Integers]:
    """Return a data set with so many labelled images a class, and the rows of all that have no label.

    Copies stay together, and where they fit nowhere they have no label.
    """
    groups: dict[int, list[ScannedImage]] = {}
    for image in images.scan.images:
        groups.setdefault(int(images.groups[image.row]), []).append(image)
    order = list(groups.values())
    random.Random(seed).shuffle(order)
    val = round(_VALIDATION_SHARE * labelled)
    room = {
        part: dict.fromkeys(images.scan.folder.labels, count)
        for part, count in (("test", _TEST), ("val", val), ("train", labelled - val))
    }
    parts: dict[str, list[ScannedImage]] = {"test": [], "val": [], "train": [], "none": []}
    for group in order:
        label = group[0].file.label
        part = next((name for name, left in room.items() if left[label] >= len(group)), "none")
        parts[part].extend(group)
        if part != "none":
            room[part][label] -= len(group)
    dataset = Dataset(
        labels=images.scan.folder.labels,
        splits={
            "train": tuple(parts["train"]),
            "val": tuple(parts["val"]),
            "test": tuple(parts["test"]),
        },
        given_val=True,
        folds=None,
        pixels=images.scan.evaluation,
        training_pixels=None,
    )
    return dataset, np.array([image.row for image in parts["none"]], dtype=np.int64)


def measure(
    images: Images, known: Sequence[KnownFeatures], *, labelled: int, seed: int
) -> Iterator[dict[str, Any]]:
    """Yield a row for each student: its accuracy on test images alone and taught, and that of the teacher."""
    dataset, pile = deal(images, labelled, seed=seed)
    train, val = dataset.rows("train"), dataset.rows("val")
    of_teacher = known[_TEACHER].embeddings
    teacher = _probe(of_teacher, dataset)
    temperature = fit_temperature(teacher.chosen.logits, dataset.targets("val"))
    said = softmax(teacher.head.logits(of_teacher) / temperature, axis=1)
    asked = np.full_like(said, np.nan)
    asked[train] = said[train]
    for place in _STUDENTS:
        embeddings = known[place].embeddings
        alone = _probe(embeddings, dataset)
        row: dict[str, Any] = {
            "student": known[place].name,
            "seed": seed,
            "labelled": labelled,
            "machine": this_machine(),
            "teacher": _accuracy(teacher.head.logits(of_teacher), dataset),
            "alone": _accuracy(alone.head.logits(embeddings), dataset),
        }
        for way, rows in zip(_WAYS, (pile[:0], pile), strict=True):
            answers = TeacherAnswers(
                teacher=known[_TEACHER].name,
                known=asked,
                unlabelled=None,
                unlabelled_rows=rows,
                unlabelled_embeddings=embeddings[rows],
                unlabelled_answers=said[rows],
            )
            learner = _Learner(
                cast(Features, SimpleNamespace(embeddings=embeddings)), dataset, answers
            )
            strength, logits = min(
                learner.search(alone.chosen.C), key=lambda trial: learner.loss(trial[1])
            )
            head = learner.published(strength, None)
            comparison = PairedComparison(
                probe=validation_result(
                    "alone", alone.head.logits(embeddings[val]), dataset.targets("val")
                ),
                trained=validation_result("taught", logits, dataset.targets("val")),
                num_folds=1,
            )
            row[way] = {
                "test": _accuracy(head.logits(embeddings), dataset),
                "published": comparison.decide_if_convinced().chooses_trained,
                "share": share_better(comparison.trained.losses, comparison.probe.losses),
            }
        yield row


def _probe(embeddings: Floats, dataset: Dataset) -> Probe:
    train, val = dataset.rows("train"), dataset.rows("val")
    return fit_probe(
        embeddings[train], dataset.targets("train"), embeddings[val], dataset.targets("val")
    )


def _accuracy(logits: Floats, dataset: Dataset) -> float:
    shown = logits[dataset.rows("test")]
    return float((shown.argmax(axis=1) == dataset.targets("test")).mean())


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Return the means over the seeds, and the accuracy that the rule of publication gains."""
    lines = [
        "| student | | test accuracy % | better / worse than alone | published | of these worse |"
    ]
    lines += ["|---|---|---|---|---|---|"]
    for student in dict.fromkeys(row["student"] for row in rows):
        of = [row for row in rows if row["student"] == student]
        for what in ("teacher", "alone"):
            lines.append(
                f"| {student} | {what} | {100 * fmean(row[what] for row in of):.1f} | | | |"
            )
        for way in _WAYS:
            gains = [row[way]["test"] - row["alone"] for row in of]
            published = [gain for row, gain in zip(of, gains, strict=True) if row[way]["published"]]
            mean = 100 * fmean(row[way]["test"] for row in of)
            counts = f"{sum(g > 0 for g in gains)} / {sum(g < 0 for g in gains)}"
            worse = ", ".join(f"{100 * gain:.1f}" for gain in sorted(published) if gain < 0)
            lines.append(
                f"| {student} | {way} | {mean:.1f} | {counts} | {len(published)} of {len(of)} | {worse} |"
            )
    return "\n".join(lines)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--features", type=Path, required=True, help="folder for features, pixels")
    parser.add_argument("--labelled", type=int, default=50, metavar="N", help="images a class")
    parser.add_argument("--seeds", type=int, default=12, metavar="N", help="seeds 0 to N-1")
    parser.add_argument("--results", type=Path, default=Path("distilled-heads.jsonl"))
    args = parser.parse_args()
    rows: list[dict[str, Any]] = []
    if args.results.exists():
        rows = [json.loads(line) for line in args.results.read_text(encoding="utf-8").splitlines()]
    images, known = load("cifar10", args.features, Backbones(folder=args.features))
    for seed in range(args.seeds):
        if any(row["seed"] == seed for row in rows):
            continue
        found = list(measure(images, known, labelled=args.labelled, seed=seed))
        rows += found
        with args.results.open("a", encoding="utf-8") as stream:
            stream.writelines(json.dumps(row) + "\n" for row in found)
    print(table(rows))


if __name__ == "__main__":
    main()
