"""What a teacher's answers are worth to a linear probe, on many draws: heads on features that are kept.

    python -m benchmarks.training.distilled_heads --features /tmp/features

As `distillation`, without the command around it: of each class of cifar10 some images have a label, some
are for testing, and all others have none. Teachers and students are probes: on MobileNetV2 (dogs) taught by
EfficientNet-Lite2, which is better, on Lite0 taught by Lite2, which is as good, and on Lite0 taught by
MobileNetV2 (dogs), which is worse. What fits and decides is the product's own code. Beside its rule,
"cross-validated", stand two others: "validation", which compares on validation images alone and wants no
lower accuracy, and "leaking", cross-validated with a teacher that has learnt from all training images.
"""

import argparse
import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Any, Final, cast

import numpy as np
from scipy.special import softmax

from benchmarks.machine import this_machine
from benchmarks.training.backbone_choice import Backbones, Images, KnownFeatures, load
from training.assessment.bootstrap import accuracy_difference, share_better
from training.assessment.calibration import fit_temperature
from training.assessment.validation_result import validation_result
from training.candidates.candidate import Candidate
from training.candidates.labelled_images import LabelledImages
from training.candidates.selection import PairedComparison
from training.candidates.taught_probe import Lesson, compare_with_taught
from training.data.scan import ScannedImage
from training.data.split import Dataset
from training.distillation.refit import fit_again
from training.probing.probe import Probe, fit_probe
from training.probing.teacher_answers import TeacherAnswers
from training.runtime.arrays import Floats, Integers

# Teacher and student: one that is weaker than its teacher, one that is as good, one that is better.
_PAIRS: Final = ((2, 3), (2, 0), (3, 0))
_TEST: Final = 50
# Of those that have a label.
_VALIDATION_SHARE: Final = 1 / 5
_RULES: Final = ("validation", "cross-validated", "leaking")
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
    """Yield a row for each student: how it does on test images alone and taught, and its teacher."""
    dataset, pile = deal(images, labelled, seed=seed)
    labelled_images = LabelledImages.of(dataset, images.groups, seed=seed)
    for place_of_teacher, place in _PAIRS:
        teacher, of_teacher = known[place_of_teacher], known[place_of_teacher].embeddings
        embeddings = known[place].embeddings
        fitted, alone = _probe(of_teacher, dataset), _probe(embeddings, dataset)
        row: dict[str, Any] = {
            "student": known[place].name,
            "taught_by": teacher.name,
            "seed": seed,
            "labelled": labelled,
            "machine": this_machine(),
            "teacher": _tested(fitted.head.logits(of_teacher), dataset),
            "alone": _tested(alone.head.logits(embeddings), dataset),
        }
        for way, rows in zip(_WAYS, (pile[:0], pile), strict=True):
            answers = _answers(
                teacher, fitted, lesson=(dataset, embeddings), pile=rows, images=labelled_images
            )
            lesson = Lesson(embeddings=embeddings, dataset=dataset, answers=answers)
            row[way] = _taught(alone, lesson, images.groups, seed)
        yield row


def _answers(
    teacher: KnownFeatures,
    fitted: Probe,
    *,
    lesson: tuple[Dataset, Floats],
    pile: Integers,
    images: LabelledImages,
) -> TeacherAnswers:
    dataset, embeddings = lesson
    temperature = fit_temperature(fitted.chosen.logits, dataset.targets("val"))
    said = softmax(fitted.head.logits(teacher.embeddings) / temperature, axis=1)
    asked = np.full_like(said, np.nan)
    asked[images.rows] = said[images.rows]
    seen = np.zeros(len(said), dtype=np.bool_)
    seen[dataset.rows("train")] = True
    return TeacherAnswers(
        teacher=teacher.name,
        known=asked,
        seen=seen,
        refitted=fit_again(teacher.embeddings, teacher.embeddings[pile], dataset, images, seen),
        unlabelled=None,
        unlabelled_rows=pile,
        unlabelled_embeddings=embeddings[pile],
        unlabelled_answers=said[pile],
    )


def _taught(alone: Probe, lesson: Lesson, groups: Integers, seed: int) -> dict[str, Any]:
    """Return how a taught head does on test images, and what each rule says of it."""
    dataset, embeddings = lesson.dataset, lesson.embeddings
    probe = cast(Candidate, _Named(title="alone", C=alone.chosen.C))
    strength, logits = min(
        lesson.heads.search(alone.chosen.C), key=lambda trial: lesson.heads.loss(trial[1])
    )
    taught = cast(Candidate, _Named(title="taught", C=strength))
    head = lesson.heads.published(strength, None)
    val = dataset.rows("val"), dataset.targets("val")
    on_validation = PairedComparison(
        probe=validation_result("alone", alone.head.logits(embeddings[val[0]]), val[1]),
        trained=validation_result("taught", logits, val[1]),
        num_folds=1,
    )
    everyone = np.ones_like(lesson.answers.seen)
    leaking = replace(lesson, answers=replace(lesson.answers, refitted=None, seen=~everyone))
    found = {
        "validation": on_validation,
        "cross-validated": compare_with_taught(probe, taught, lesson, groups, seed=seed),
        "leaking": compare_with_taught(probe, taught, leaking, groups, seed=seed),
    }
    says = {rule: _says(comparison) for rule, comparison in found.items()}
    says["validation"]["published"] &= says["validation"]["accuracy"] >= 0
    return {"test": _tested(head.logits(embeddings), dataset)} | says


def _says(comparison: PairedComparison) -> dict[str, Any]:
    trained, probe = comparison.trained, comparison.probe
    difference, interval = accuracy_difference(trained.correct, probe.correct)
    return {
        "published": comparison.decide_if_convinced().chooses_trained,
        "share": share_better(trained.losses, probe.losses),
        "nll": float(trained.losses.mean() - probe.losses.mean()),
        "accuracy": difference,
        "interval": interval,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Named:
    """What comparing needs of a candidate."""

    title: str
    C: float


def _probe(embeddings: Floats, dataset: Dataset) -> Probe:
    train, val = dataset.rows("train"), dataset.rows("val")
    return fit_probe(
        embeddings[train], dataset.targets("train"), embeddings[val], dataset.targets("val")
    )


def _tested(logits: Floats, dataset: Dataset) -> dict[str, float]:
    result = validation_result("", logits[dataset.rows("test")], dataset.targets("test"))
    return {"accuracy": float(result.correct.mean()), "nll": float(result.losses.mean())}


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Return the means over the seeds, and what each rule publishes, with the gains of these in points."""
    lines = [
        "| student, taught by | | test accuracy % | loss | better / worse | "
        + " | ".join(f"published: {rule}" for rule in _RULES)
        + " |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for pair in dict.fromkeys((row["student"], row["taught_by"]) for row in rows):
        of = [row for row in rows if (row["student"], row["taught_by"]) == pair]
        name = ", ".join(pair)
        lines += [_line(name, what, [row[what] for row in of]) for what in ("teacher", "alone")]
        for way in _WAYS:
            lines.append(_line(name, way, [row[way]["test"] for row in of], of, way))
    return "\n".join(lines)


def _line(
    name: str,
    what: str,
    tested: Sequence[dict[str, float]],
    of: Sequence[dict[str, Any]] = (),
    way: str = "",
) -> str:
    accuracy, nll = (fmean(one[key] for one in tested) for key in ("accuracy", "nll"))
    line = f"| {name} | {what} | {100 * accuracy:.1f} | {nll:.3f} |"
    if not of:
        return line + " | | | |"
    gains = [100 * (row[way]["test"]["accuracy"] - row["alone"]["accuracy"]) for row in of]
    cells = [f" {sum(g > 0 for g in gains)} / {sum(g < 0 for g in gains)} |"]
    for rule in _RULES:
        published = [g for row, g in zip(of, gains, strict=True) if row[way][rule]["published"]]
        left = [g for row, g in zip(of, gains, strict=True) if not row[way][rule]["published"]]
        worse = ", ".join(f"{g:.1f}" for g in sorted(published) if g < 0)
        missed = ", ".join(f"{g:.1f}" for g in sorted(left) if g > 2)
        text = f" {len(published)} of {len(of)}" + (f"; worse: {worse}" if worse else "")
        cells.append(text + (f"; missed: {missed}" if missed else "") + " |")
    return line + "".join(cells)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--features", type=Path, required=True, help="folder for features, pixels")
    parser.add_argument("--labelled", type=int, default=50, metavar="N", help="images a class")
    parser.add_argument("--seeds", type=int, nargs="+", default=range(20), metavar="SEED")
    parser.add_argument("--results", type=Path, default=Path("distilled-heads.jsonl"))
    args = parser.parse_args()
    rows: list[dict[str, Any]] = []
    if args.results.exists():
        rows = [json.loads(line) for line in args.results.read_text(encoding="utf-8").splitlines()]
    images, known = load("cifar10", args.features, Backbones(folder=args.features))
    for seed in args.seeds:
        if any(row["seed"] == seed for row in rows):
            continue
        found = list(measure(images, known, labelled=args.labelled, seed=seed))
        rows += found
        with args.results.open("a", encoding="utf-8") as stream:
            stream.writelines(json.dumps(row) + "\n" for row in found)
    print(table(rows))


if __name__ == "__main__":
    main()
