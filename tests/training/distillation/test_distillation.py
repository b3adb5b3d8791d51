"""A model that learns from a published one: --teacher and --unlabelled, by the command."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from inference.decoding import OWN_FILES_LIMITS, limits_for
from inference.package import read_package
from tests.builders import make_package
from tests.training.conftest import Command, quiet
from tests.training.data.reading import read
from tests.training.folders import write_class, write_classes
from training.candidates.candidate import Candidate
from training.candidates.taught_probe import Lesson, make_taught_probe
from training.config import FinetuneConfig
from training.data.split import SPLIT_FILE, Dataset
from training.distillation.teacher import Teacher
from training.errors import DataError
from training.probing.features import Features
from training.probing.teacher_answers import TeacherAnswers
from training.run.ask_teacher import open_teacher

pytestmark = pytest.mark.training

LABELS = ("blue", "green", "red")


@pytest.fixture
def unlabelled(tmp_path: Path, colours: Path) -> Path:
    """Return a folder of twelve images of three colours, and copies of two that have a label."""
    pile = tmp_path / "pile"
    for index in range(3):
        write_class(pile / str(index), index, count=4, seed=50)
    shutil.copy(colours / "red" / "image3.png", pile / "copied.png")
    shutil.copy(colours / "blue" / "image7.png", pile / "0" / "also.png")
    return pile


@pytest.mark.parametrize("method", [("probe",), ("finetune", "--epochs", "1")], ids=lambda m: m[0])
def test_what_was_taught_competes_with_what_was_not(
    command: Command,
    colours: Path,
    published: Path,
    unlabelled: Path,
    method: tuple[str, ...],
) -> None:
    """The teacher has learnt from training and validation images; it is fitted again without some."""
    options = ("--teacher", str(published), "--unlabelled", str(unlabelled), "--method", *method)
    outcome = command(colours, "--name", "student", "--seed", "1", *options)  # the teacher's split
    manifest = read_package(outcome.published).manifest
    assert "12 unlabelled images; 2 more are copies" in outcome.out
    assert "linear probe with colours/1 as teacher: validation accuracy 100.0 %" in outcome.out
    assert "linear probe: validation accuracy" in outcome.out
    if method[0] == "finetune":
        assert "fine-tuned network with colours/1 as teacher: " in outcome.out
    assert manifest.training.config["teacher"] == "colours/1"
    why = manifest.training.teacher or ""
    assert "on the same 51 labelled images of 5 folds, the linear probe with" in why
    assert why in outcome.out
    assert manifest.training.config["unlabelled"] == "pile"


def test_a_teacher_may_be_named_within_the_folder_of_models(colours: Path, published: Path) -> None:
    config = FinetuneConfig(
        data=colours, models_dir=published.parent.parent, teacher=Path(published.parent.name)
    )
    labels = read_package(published).manifest.labels
    teacher = open_teacher(config, labels)
    assert teacher is not None
    assert teacher.name == f"{published.parent.name}/{published.name}"


def test_a_teacher_with_other_labels_is_refused_and_they_are_named(
    command: Command, published: Path, tmp_path: Path
) -> None:
    data = write_classes(tmp_path / "photos", ("red", "green", "yellow"))
    outcome = command(data, "--teacher", str(published))
    assert outcome.code == 2
    assert (
        "--teacher colours/1 has other labels: the teacher alone knows 'blue', the folder alone has "
        "'yellow'"
    ) in outcome.err


def test_a_teacher_that_has_learnt_from_the_test_images_is_refused(
    command: Command, colours: Path, published: Path, tmp_path: Path
) -> None:
    data = tmp_path / "photos"
    for label in LABELS:
        for part in ("train", "test"):
            (data / part / label).mkdir(parents=True)
        for number in range(20):
            part = "test" if number < 10 else "train"
            shutil.copy(colours / label / f"image{number}.png", data / part / label)
    outcome = command(data, "--teacher", str(published))
    assert outcome.code == 2
    assert "of the 30 test images, which would make the student's accuracy false" in outcome.err


def test_a_fine_tuned_teacher_that_has_learnt_from_the_validation_images_is_refused(
    command: Command, colours: Path, published: Path, tmp_path: Path
) -> None:
    """Its answers tell of them, and they could not tell whether it helps."""
    package = tmp_path / "models" / "colours" / "1"
    shutil.copytree(published, package)
    manifest = (package / "manifest.json").read_text(encoding="utf-8")
    (package / "manifest.json").write_text(
        manifest.replace('"method": "probe"', '"method": "finetune"', 1), encoding="utf-8"
    )
    outcome = command(colours, "--teacher", str(package), "--method", "probe", "--name", "other")
    assert outcome.code == 2
    assert "colours/1 has learnt from 9 of the 9 validation images" in outcome.err
    assert "or the teacher with --method probe" in outcome.err


def test_a_teacher_that_does_not_say_what_it_has_learnt_from_is_refused(
    command: Command, colours: Path, published: Path, tmp_path: Path
) -> None:
    package = tmp_path / "models" / "colours" / "1"
    shutil.copytree(published, package)
    (package / "split.json").unlink()
    outcome = command(colours, "--teacher", str(package), "--name", "other")
    assert outcome.code == 2
    assert "colours/1 does not say what it has learnt from (split.json is missing" in outcome.err


def test_a_folder_of_copies_alone_is_refused(
    command: Command, colours: Path, published: Path
) -> None:
    outcome = command(colours, "--teacher", str(published), "--unlabelled", str(colours / "red"))
    assert outcome.code == 2
    assert "all 20 images of --unlabelled" in outcome.err


def test_a_wrong_folder_of_unlabelled_images_is_named_before_the_work(
    command: Command, colours: Path, tmp_path: Path
) -> None:
    (tmp_path / "pile").mkdir()
    wrong = tmp_path / "pil"
    outcome = command(colours, "--teacher", str(tmp_path / "none"), "--unlabelled", str(wrong))
    assert outcome.code == 2
    assert f"--unlabelled: folder '{wrong}' does not exist; did you mean" in outcome.err
    assert "split:" not in outcome.out


def test_unlabelled_images_need_a_teacher(command: Command, colours: Path) -> None:
    outcome = command(colours, "--unlabelled", str(colours))
    assert outcome.code == 2
    assert "--unlabelled needs a --teacher" in outcome.err


def test_answers_are_kept_by_content_and_in_the_order_of_the_students_labels(
    published: Path, dataset: Dataset, tmp_path: Path
) -> None:
    teacher = Teacher.open(published, ("red", "blue", "green"))
    images = dataset.splits["train"]
    answers = teacher.answer(images, tmp_path).probabilities
    known = {label: place for place, label in enumerate(("red", "blue", "green"))}
    assert [known[image.file.label] for image in images] == answers.argmax(axis=1).tolist()

    asked: list[int] = []
    again = Teacher.open(published, LABELS).answer(images[:3], tmp_path, advance=asked.append)
    assert asked == [3]  # all from the cache
    assert np.allclose(again.probabilities, answers[:3][:, [1, 2, 0]])


def test_the_student_learns_what_the_teacher_says_of_unlabelled_images(
    probe: Candidate, features: Features, dataset: Dataset
) -> None:
    """A teacher that takes blue for red, on many images, is believed against a few labels."""
    index = dataset.labels.index
    blue = [i.row for i in dataset.splits["val"] if i.file.label == "blue"]
    said = np.zeros((400, 3), dtype=np.float32)
    said[:, index("red")] = 1
    answers = TeacherAnswers(
        teacher="wrong/1",
        known=np.full((len(features.embeddings), 3), np.nan, dtype=np.float32),
        seen=np.zeros(len(features.embeddings), dtype=np.bool_),
        refitted=None,
        unlabelled=None,
        unlabelled_rows=np.arange(400),
        unlabelled_embeddings=features.embeddings[np.resize(blue, 400)],
        unlabelled_answers=said,
    )
    lesson = Lesson(embeddings=features.embeddings, dataset=dataset, answers=answers)
    taught = make_taught_probe(probe, lesson, quiet())
    assert taught.title == "linear probe with wrong/1 as teacher"
    assert taught.accuracy < probe.accuracy == 1


def test_a_teacher_is_asked_about_images_as_large_as_the_run_admits(tmp_path: Path) -> None:
    def say_what_was_learnt(folder: Path) -> None:
        (folder / SPLIT_FILE).write_text('{"given": [], "parts": {}}')

    package = make_package(tmp_path / "models", after=say_what_was_learnt)
    images = read(write_classes(tmp_path / "photos", count=1), tmp_path).images
    small = limits_for(max_bytes=OWN_FILES_LIMITS.max_bytes, max_pixels=100)
    with pytest.raises(DataError, match="the teacher cannot read"):
        Teacher.open(package, LABELS, limits=small).answer(images, tmp_path)
    assert len(Teacher.open(package, LABELS).answer(images, tmp_path).probabilities) == 3
