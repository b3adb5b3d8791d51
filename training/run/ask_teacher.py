"""What the teacher (--teacher) says of the images of a run, and of unlabelled ones (--unlabelled)."""

from contextlib import ExitStack

from training.candidates.labelled_images import LabelledImages
from training.config import FinetuneConfig
from training.data.scan import open_cache
from training.data.views import Views
from training.distillation.lesson import check_teacher, learn_answers
from training.distillation.teacher import Teacher
from training.distillation.unlabelled import UnlabelledReader, find_images
from training.errors import ConfigError
from training.probing.teacher_answers import TeacherAnswers
from training.run.prepare import PreparedData
from training.runtime import distributed
from training.runtime.progress import Display


def open_teacher(config: FinetuneConfig, labels: tuple[str, ...]) -> Teacher | None:
    """Return the teacher of a run on images of these labels, None without one.

    Raises:
        ConfigError: there is no such package, its labels are others, or it does not say what it learnt from.
        DataError: there is no such folder of unlabelled images.
    """
    if config.teacher is None:
        return None
    if config.unlabelled is not None:
        find_images(config.unlabelled)  # before minutes of work
    return Teacher.open(config.teacher, labels)


def ask_teacher(
    teacher: Teacher | None,
    prepared: PreparedData,
    config: FinetuneConfig,
    caches: ExitStack,
    display: Display,
) -> TeacherAnswers | None:
    """Return the teacher's answers, None without one. What is read stays open as long as `caches`.

    Raises:
        ConfigError: the teacher has learnt from test images, or from all that could tell whether it helps;
            or the backbone is not pretrained.
        DataError: the unlabelled images cannot be used.
    """
    if teacher is None:
        return None
    if prepared.features is None:
        raise ConfigError("--teacher needs a pretrained backbone for the new model")
    check_teacher(teacher, prepared.dataset)
    with distributed.main_first():
        unlabelled = None
        if config.unlabelled is not None:
            for_training = prepared.scan.training is not None
            views = Views(prepared.backbone.spec, for_training, config.decode_limits)
            cache = caches.enter_context(open_cache(config.cache_dir, views))
            reader = UnlabelledReader(
                known=prepared.scan, features=prepared.features, views=views, cache=cache
            )
            unlabelled = reader.read(config.unlabelled, display)
        dataset = prepared.dataset
        return learn_answers(
            teacher,
            dataset,
            LabelledImages.of(dataset, prepared.groups, seed=config.seed),
            unlabelled,
            scan=prepared.scan,
            cache_dir=config.cache_dir,
            display=display,
        )
