"""What a run with --teacher learns from: the teacher's answers, and unlabelled images if there are any."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from training.candidates.labelled_images import LabelledImages
from training.data.cache import default_cache_dir
from training.data.scan import Scan, ScannedImage
from training.data.split import Dataset
from training.distillation.refit import fit_again
from training.distillation.teacher import Teacher
from training.distillation.unlabelled import UnlabelledImages
from training.errors import ConfigError
from training.probing.teacher_answers import TeacherAnswers
from training.runtime.arrays import Floats, Integers
from training.runtime.progress import Display


def learn_answers(
    teacher: Teacher,
    dataset: Dataset,
    images: LabelledImages,
    unlabelled: UnlabelledImages | None,
    *,
    scan: Scan,
    cache_dir: Path | None,
    display: Display,
) -> TeacherAnswers:
    """Return the answers of a checked teacher on images that have a label and others, but not on tests.

    Args:
        teacher: who is asked.
        dataset: the images.
        images: its training and validation images, in folds.
        unlabelled: those without a label.
        scan: all images that were read.
        cache_dir: where answers are kept; None for the user's cache folder.
        display: shows how far it is.

    Raises:
        ConfigError: the teacher has learnt from validation images and cannot be fitted without them.
        DataError: an image can no longer be read.
    """
    asked = [scan.images[row] for row in images.rows.tolist()]
    others: Sequence[ScannedImage] = () if unlabelled is None else unlabelled.images
    with display.bar(f"asking the teacher {teacher.name}", len(asked) + len(others)) as advance:
        folder = cache_dir or default_cache_dir()
        outputs = teacher.answer([*asked, *others], folder, advance=advance)
    of_labelled, of_others = outputs[: len(asked)], outputs[len(asked) :]
    seen = np.array([image.sha256 in teacher.seen for image in scan.images])
    refitted = None
    if teacher.is_probe and seen[images.rows].any():
        embeddings = _by_row(of_labelled.embeddings, images.rows, len(scan.images))
        with display.stage(f"cross-validating the teacher {teacher.name}"):
            refitted = fit_again(embeddings, of_others.embeddings, dataset, images, seen)
    if refitted is None:
        _check_validation_images(teacher, dataset)
    none = of_others.embeddings[:, :0]
    return TeacherAnswers(
        teacher=teacher.name,
        known=_by_row(of_labelled.probabilities, images.rows, len(scan.images)),
        seen=seen,
        refitted=refitted,
        unlabelled=None if unlabelled is None else unlabelled.scan,
        unlabelled_rows=np.arange(0) if unlabelled is None else unlabelled.rows,
        unlabelled_embeddings=none if unlabelled is None else unlabelled.embeddings,
        unlabelled_answers=of_others.probabilities,
    )


def _by_row(values: Floats, rows: Integers, number: int) -> Floats:
    """Return the values of each image, NaN of those that are not among `rows`."""
    spread = np.full((number, values.shape[1]), np.nan, dtype=np.float32)
    spread[rows] = values
    return spread


def check_teacher(teacher: Teacher, dataset: Dataset) -> None:
    """Find out whether test images tell how good its student is, and others whether it helps.

    Raises:
        ConfigError: the teacher has learnt from test images; or from the validation images, and cannot be
            fitted again without them.
    """
    images = dataset.splits["test"]
    if tested := sum(image.sha256 in teacher.seen for image in images):
        raise ConfigError(
            f"--teacher {teacher.name} has learnt from {tested} of the {len(images)} test images, which "
            "would make the student's accuracy false; train it on the same train/ and test/"
        )
    if not teacher.is_probe:
        _check_validation_images(teacher, dataset)


def _check_validation_images(teacher: Teacher, dataset: Dataset) -> None:
    """Stop where no image is left that tells whether the teacher helps.

    What a teacher has learnt from images it tells in its answers for others, too: on cifar10 a student of
    such a teacher was 6 points better on validation images, and 5 points worse on test images.
    """
    images = dataset.splits["val"]
    if number := sum(image.sha256 in teacher.seen for image in images):
        raise ConfigError(
            f"--teacher {teacher.name} has learnt from {number} of the {len(images)} validation images, and "
            "cannot be fitted without them as a linear probe can, so that nothing could tell whether it "
            "helps; train both on a folder with a val/, or the teacher with --method probe"
        )
