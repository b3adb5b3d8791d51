"""What a run with --teacher learns from: the teacher's answers, and unlabelled images if there are any."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from training.data.cache import default_cache_dir
from training.data.scan import ScannedImage
from training.data.split import Dataset
from training.distillation.teacher import Teacher
from training.distillation.unlabelled import UnlabelledImages
from training.errors import ConfigError
from training.probing.features import Features
from training.probing.teacher_answers import TeacherAnswers
from training.runtime.progress import Display


def learn_answers(
    teacher: Teacher,
    dataset: Dataset,
    features: Features,
    unlabelled: UnlabelledImages | None,
    *,
    cache_dir: Path | None,
    display: Display,
) -> TeacherAnswers:
    """Return the teacher's answers on training images and unlabelled ones; of others it is not asked.

    Raises:
        ConfigError: the teacher has learnt from test images.
        DataError: an image can no longer be read.
    """
    _check_seen(teacher, dataset, display)
    images = dataset.splits["train"]
    others: Sequence[ScannedImage] = () if unlabelled is None else unlabelled.images
    with display.bar(f"asking the teacher {teacher.name}", len(images) + len(others)) as advance:
        folder = cache_dir or default_cache_dir()
        answers = teacher.answer([*images, *others], folder, advance=advance)
    shape = len(features.embeddings), answers.shape[1]
    known = np.full(shape, np.nan, dtype=np.float32)
    known[dataset.rows("train")] = answers[: len(images)]
    return TeacherAnswers(
        teacher=teacher.name,
        known=known,
        unlabelled=None if unlabelled is None else unlabelled.scan,
        unlabelled_rows=np.arange(0) if unlabelled is None else unlabelled.rows,
        unlabelled_embeddings=(
            features.embeddings[:0] if unlabelled is None else unlabelled.embeddings
        ),
        unlabelled_answers=answers[len(images) :],
    )


def _check_seen(teacher: Teacher, dataset: Dataset, display: Display) -> None:
    if teacher.seen is None:
        display.warning(
            f"what the teacher {teacher.name} has learnt from is not known; if test images were among it, "
            "the student's figures are too good"
        )
        return
    tested = sum(image.sha256 in teacher.seen for image in dataset.splits["test"])
    if tested:
        raise ConfigError(
            f"--teacher {teacher.name} has learnt from {tested} of the {len(dataset.splits['test'])} test "
            "images, which would make the student's accuracy false; train it on the same train/ and test/"
        )
    val = dataset.splits["val"]
    if seen := sum(image.sha256 in teacher.seen for image in val):
        display.warning(
            f"the teacher {teacher.name} has seen {seen} of the {len(val)} validation images: it is not "
            "asked about them, but the comparison on them may favour its student"
        )
