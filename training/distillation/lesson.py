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
) -> TeacherAnswers | None:
    """Return the teacher's answers on training images and unlabelled ones; of others it is not asked.

    None where the student could not be compared with another: validation images taught the teacher.

    Raises:
        ConfigError: the teacher has learnt from test images.
        DataError: an image can no longer be read.
    """
    if not _may_teach(teacher, dataset, display):
        return None
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


def _may_teach(teacher: Teacher, dataset: Dataset, display: Display) -> bool:
    """Return whether validation and test images tell how good the teacher's student is.

    What a teacher has learnt from them it tells in its answers for other images, too: on cifar10 a student of
    such a teacher was 6 points better on validation images, and 5 points worse on test images.
    """
    if teacher.seen is None:
        display.warning(
            f"the teacher {teacher.name} is not used: what it has learnt from is not known, and so no image "
            "could tell whether it helps"
        )
        return False
    tested = sum(image.sha256 in teacher.seen for image in dataset.splits["test"])
    if tested:
        raise ConfigError(
            f"--teacher {teacher.name} has learnt from {tested} of the {len(dataset.splits['test'])} test "
            "images, which would make the student's accuracy false; train it on the same train/ and test/"
        )
    val = dataset.splits["val"]
    if seen := sum(image.sha256 in teacher.seen for image in val):
        display.warning(
            f"the teacher {teacher.name} is not used: it has learnt from {seen} of the {len(val)} validation "
            "images, which then could not tell whether it helps; train both on a folder with a val/"
        )
    return seen == 0
