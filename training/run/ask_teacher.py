"""What the teacher (--teacher) says of the images of a run, and of unlabelled ones (--unlabelled)."""

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from training.backbone_choice.teaching import teaches_best
from training.candidates.labelled_images import LabelledImages
from training.config import FinetuneConfig
from training.data.scan import Scan, open_cache
from training.data.views import Views
from training.distillation.candidate_teacher import CandidateTeacher
from training.distillation.lesson import check_teacher, learn_answers
from training.distillation.teacher import Teacher
from training.distillation.unlabelled import UnlabelledImages, UnlabelledReader, find_images
from training.errors import ConfigError
from training.probing.teacher_answers import TeacherAnswers
from training.run.prepare import PreparedData, read_again
from training.runtime import distributed
from training.runtime.progress import Display


def open_teacher(config: FinetuneConfig, labels: tuple[str, ...]) -> Teacher | None:
    """Return the published teacher of a run on images of these labels, None without one.

    Raises:
        ConfigError: there is no such package, its labels are others, or it does not say what it learnt from;
            or the best candidate is to teach, and there are none.
        DataError: there is no such folder of unlabelled images.
    """
    if config.unlabelled is not None:
        find_images(config.unlabelled)  # before minutes of work
    if not teaches_best(config):
        if config.teacher is None:
            return None
        return Teacher.open(_meant(config), labels, limits=config.decode_limits)
    if not config.chooses_backbone:
        raise ConfigError(
            "--teacher auto is the best candidate of --backbone auto; add that, or name a published model"
        )
    return None


def _meant(config: FinetuneConfig) -> Path:
    """Return the teacher's folder: as given, or of that name in the folder of models."""
    assert config.teacher is not None
    given = Path(config.teacher)
    in_models = config.models_dir / given
    return in_models if not given.exists() and in_models.exists() else given


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
    asking = _Asking(prepared=prepared, config=config, caches=caches, display=display)
    if teaches_best(config) and not config.dry_run:
        with distributed.main_first():
            return asking.best_candidate()
    if teacher is None:
        return None
    if prepared.features is None:
        raise ConfigError("--teacher needs a pretrained backbone for the new model")
    check_teacher(teacher, prepared.dataset)
    with distributed.main_first():
        return asking.published(teacher)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asking:
    """Who asks a teacher, and about which images."""

    prepared: PreparedData
    config: FinetuneConfig
    caches: ExitStack
    display: Display

    def published(self, teacher: Teacher) -> TeacherAnswers:
        """Return the answers of a published model."""
        return learn_answers(
            teacher,
            self.prepared.dataset,
            self._labelled(),
            self._unlabelled(),
            scan=self.prepared.scan,
            cache_dir=self.config.cache_dir,
            display=self.display,
        )

    def best_candidate(self) -> TeacherAnswers | None:
        """Return the answers of the best candidate, None where it is the chosen one or cannot be compared."""
        teacher = self.prepared.teacher
        if teacher is None:
            unused = "" if self.config.unlabelled is None else "; --unlabelled is not used"
            self.display.line(
                f"no teacher: the chosen backbone is the best of the candidates{unused}"
            )
            return None
        unlabelled = self._unlabelled()
        answers = teacher.learn(
            self.prepared.dataset,
            self._labelled(),
            self._seen_by(teacher, self.prepared.scan),
            None if unlabelled is None else (unlabelled, self._seen_by(teacher, unlabelled.scan)),
            self.display,
        )
        if answers is None:
            self.display.warning(
                f"no teacher: a class has too few different images to tell whether {teacher.name} helps"
            )
        return answers

    def _labelled(self) -> LabelledImages:
        prepared = self.prepared
        return LabelledImages.of(prepared.dataset, prepared.groups, seed=self.config.seed)

    def _seen_by(self, teacher: CandidateTeacher, scan: Scan) -> Scan:
        cache = self.caches.enter_context(open_cache(self.config.cache_dir, teacher.views))
        return read_again(scan, teacher.views, cache, self.display)

    def _unlabelled(self) -> UnlabelledImages | None:
        prepared, config = self.prepared, self.config
        if config.unlabelled is None:
            return None
        assert prepared.features is not None
        for_training = prepared.scan.training is not None
        views = Views(prepared.backbone.spec, for_training, config.decode_limits)
        cache = self.caches.enter_context(open_cache(config.cache_dir, views))
        reader = UnlabelledReader(
            known=prepared.scan, features=prepared.features, views=views, cache=cache
        )
        return reader.read(config.unlabelled, self.display)
