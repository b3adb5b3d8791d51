"""From prepared images to the model to publish: the probe, or a network trained from it."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

import torch

from training.augmentation.batches import StepImages, TrainingImages
from training.augmentation.gpu_cache import cache_on_gpu
from training.augmentation.random_augmentation import Augmentation
from training.candidates.candidate import Candidate
from training.candidates.finetuned import TrainedNetwork, make_finetuned, train_with_heads
from training.candidates.horizontal_flip import embed_flipped
from training.candidates.probe_candidate import make_probe
from training.candidates.selection import Selection
from training.candidates.taught_probe import make_taught_probe
from training.candidates.validation_examples import ValidationExamples
from training.config import FinetuneConfig
from training.data.cache import default_cache_dir
from training.data.split import MAX_FOLDS, Dataset
from training.errors import NoTimeToTrain
from training.finetuning.checkpoint import Checkpoints, describe_options, run_name
from training.finetuning.loop import OnLogits, ignore
from training.finetuning.run_slot import run_slot
from training.finetuning.task import TrainingTask, choose_hyperparameters
from training.finetuning.validation import ValidationImages
from training.networks.transfer_network import TransferNetwork
from training.planning.budget_shares import StageCosts
from training.planning.training_plan import make_plan
from training.probing.published_head import head_images
from training.probing.teacher_answers import TeacherAnswers
from training.run.prepare import PreparedData
from training.runtime import distributed
from training.runtime.arrays import Floats
from training.runtime.progress import Display
from training.runtime.ranks import is_main

# One fold of a large data set has as many validation images, of a small one it takes several.
_ENOUGH_VALIDATION_IMAGES: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitting:
    """What fitting needs. `run_name`: under which it is saved. `answers`: of a teacher, if there is one."""

    prepared: PreparedData
    config: FinetuneConfig
    display: Display
    costs: StageCosts
    run_name: str
    answers: TeacherAnswers | None = None

    def task(
        self,
        start: TransferNetwork,
        dataset: Dataset,
        method: str,
        *,
        horizontal_flip: bool,
        fold: int = 0,
    ) -> TrainingTask:
        """Return what is to be trained.

        With folds, time that is left over goes to the next one. After the first of them, the mean of
        the networks is one network more to export.
        """
        mean_s = self.costs.mean_s if fold > 0 else 0.0
        settings = choose_hyperparameters(self.config, dataset, scratch=method == "scratch")
        return TrainingTask(
            start=start,
            backbone=self.prepared.backbone,
            dataset=dataset,
            images=self.images(dataset, settings.device, horizontal_flip=horizontal_flip),
            validation=ValidationImages(
                pixels=dataset.pixels, rows=dataset.rows("val"), targets=dataset.targets("val")
            ),
            config=self.config,
            method=method,
            horizontal_flip=horizontal_flip,
            settings=settings,
            budget=self.costs.budget.aim(),
            after_s=self.costs.after_s(self.config, dataset) + mean_s,
            stretched=method == "scratch" or self.prepared.dataset.folds is None,
            export_s=self.costs.export_s,
            feature_s=self.costs.feature_s,
        )

    def spare_s(self, dataset: Dataset) -> float:
        """Return the seconds that a fitted model leaves of the budget when it is published."""
        return self.costs.budget.left_s - self.costs.finish_s(dataset)

    def flips_spare_s(self, dataset: Dataset) -> float:
        """Return the seconds that may go into flipped images: any, where they are to be kept."""
        return math.inf if self.costs.keeps_flips else self.spare_s(dataset)

    def images(
        self, dataset: Dataset, device: torch.device, *, horizontal_flip: bool
    ) -> StepImages:
        """Return the training images, changed at random; with a teacher, unlabelled ones too."""
        assert dataset.training_pixels is not None
        known = dataset.training_pixels, dataset.rows("train"), dataset.targets("train")
        pixels, rows, targets = (
            known if self.answers is None else self.answers.with_unlabelled(*known)
        )
        images = TrainingImages(
            pixels=pixels,
            rows=rows,
            targets=targets,
            seed=self.config.seed,
            batch_size=self.config.batch_size,
            augmentation=Augmentation(horizontal_flip=horizontal_flip, distort=True),
            shard=distributed.shard(),
        )
        return cache_on_gpu(images, device)

    def checkpoints(self, fold: int = 0) -> Checkpoints:
        """Return where the run is saved, and what a resumed run must have alike."""
        weights = self.prepared.backbone.info
        found = Checkpoints.at(
            runs_folder(self.config),
            f"{self.run_name}-fold{fold}" if fold else self.run_name,
            describe_options(self.config.record())
            | {
                "the images": self.prepared.dataset.fingerprint(),
                "the weights": f"{weights.weights} {weights.sha256}",
                "the fit": self.prepared.backbone.spec.fit,
            },
        )
        found.warn = self.display.warning
        return found

    def forget(self) -> None:
        """Remove all that was saved, of every fold."""
        for fold in range(MAX_FOLDS):
            self.checkpoints(fold).remove()


def runs_folder(config: FinetuneConfig) -> Path:
    """Return where runs are saved."""
    return (config.cache_dir or default_cache_dir()) / "runs"


@contextmanager
def own_run_name(config: FinetuneConfig, method: str, display: Display) -> Iterator[str]:
    """Yield the name under which this run is saved, which no other run has at this time.

    Raises:
        ConfigError: too many of one name are under way, or the folder cannot be written.
    """
    name = run_name(config.publish_name, config.models_dir)
    if method == "probe" or config.dry_run:  # nothing is saved
        yield name
    elif not is_main():
        yield distributed.broadcast(None)
    else:
        with run_slot(runs_folder(config), name) as own:
            if own != name:
                display.line(
                    f"other runs of {config.publish_name!r} are not over; this one is saved apart"
                )
            yield distributed.broadcast(own)


def fit_model(fitting: Fitting, method: str) -> Selection | None:
    """Return the model to publish, all that were tried, and why it is that one.

    With folds, training is validated on one held-out fold after the other, beside a probe fitted on the
    same images. If that probe is not beaten, the one that was cross-validated and fitted on all images is
    published.

    Of several processes only the first one gets an answer; nobody does where only the plan was asked
    for.
    """
    if fitting.prepared.features is None:
        return _from_scratch(fitting)
    # What follows decides whether it is published: flipped images are for its last head.
    probe = _make_probe(fitting, fitting.prepared.dataset, flipped=method == "probe")
    fitting.display.line(probe.describe())
    examples = ValidationExamples.by(probe)
    if method == "probe":
        selection = None if fitting.config.dry_run else _choose_probe(probe, fitting)
        best = probe if selection is None else selection.chosen
        examples.show(fitting.display, best.dataset, best.val_logits, step=None)
        return selection
    costs = fitting.costs
    costs.keeps_flips = 0 < costs.flipped_s <= fitting.spare_s(fitting.prepared.dataset)
    probes = Selection.without_rival(probe)
    if not fitting.config.dry_run:
        probes = _choose_probe(probe, fitting)
    selected = _finetune_or_probe(probes, fitting, examples)
    if selected is None:
        return None
    chosen = selected.chosen
    examples.show(fitting.display, chosen.dataset, chosen.val_logits, step=None)
    if chosen is not probe:
        return selected
    return selected.with_probe(
        _make_probe(
            fitting, fitting.prepared.dataset, flipped=True, horizontal_flip=probe.horizontal_flip
        )
    )


def _finetune_or_probe(
    probes: Selection, fitting: Fitting, examples: ValidationExamples
) -> Selection | None:
    """Return what training made of the probe that was chosen, or this probe where it is better."""
    try:
        return _from_probe(probes, fitting, examples)
    except NoTimeToTrain:
        fitting.display.line(
            f"time budget: no time is left for fine-tuning; the {probes.chosen.title} is published"
        )
        if fitting.config.dry_run:
            return None
        return probes.published_because("the time budget had no room for fine-tuning")


def _choose_probe(probe: Candidate, fitting: Fitting) -> Selection:
    """Return the probe, or the probe with a teacher where there is one and it helps."""
    if fitting.answers is None or not is_main():
        return Selection.without_rival(probe)
    taught = _teach(probe, fitting)
    fitting.display.line(taught.describe())
    selection = Selection.between_heads(probe, taught)
    fitting.display.line(selection.tried[-1].notes[-1])
    return selection


def _teach(probe: Candidate, fitting: Fitting) -> Candidate:
    """Return what the probe becomes with the teacher's answers."""
    features, dataset = fitting.prepared.features, probe.dataset
    assert features is not None
    assert fitting.answers is not None
    flipped = None
    if probe.horizontal_flip and dataset is fitting.prepared.dataset:  # it may be published
        spare_s = partial(fitting.flips_spare_s, dataset)
        flipped = embed_flipped(features, dataset, fitting.display, spare_s=spare_s)
    return make_taught_probe(
        probe, features, dataset, fitting.answers, fitting.display, flipped=flipped
    )


def _from_scratch(fitting: Fitting) -> Selection | None:
    dataset = fitting.prepared.dataset
    held = dataset if dataset.folds is None else dataset.hold_out(0)
    start = TransferNetwork(fitting.prepared.backbone, len(dataset.labels))
    task = fitting.task(
        start, held, "scratch", horizontal_flip=fitting.config.horizontal_flip == "yes"
    )
    trained = _train(task, fitting)
    if trained is None:
        return None
    return Selection.without_rival(_make_finetuned([trained], fitting))


def _from_probe(
    chosen: Selection, fitting: Fitting, examples: ValidationExamples
) -> Selection | None:
    dataset, probe = fitting.prepared.dataset, chosen.chosen
    if not distributed.broadcast(fitting.costs.has_time_to_train(fitting.config, dataset)):
        raise NoTimeToTrain
    if dataset.folds is None:
        probes, networks = [probe], _trained_from(probe, fitting, examples)
    else:
        probes, networks = _train_folds(fitting, examples, taught=probe.teacher is not None)
    if not networks:
        return None
    trained = _make_finetuned(networks, fitting)
    selection = Selection.between(probe, probes, trained, earlier=chosen.tried)
    fitting.display.line(selection.tried[-1].notes[-1])
    return selection


def _make_finetuned(networks: list[TrainedNetwork], fitting: Fitting) -> Candidate:
    """Return the model of what was trained, and say how good it is."""
    dataset = fitting.prepared.dataset
    if dataset.folds is not None:
        dataset = dataset.validated_on(len(networks))
    trained = make_finetuned(
        networks, dataset, fitting.display, spare_s=lambda: fitting.flips_spare_s(dataset)
    )
    if fitting.answers is not None:
        trained = replace(trained, teacher=fitting.answers.teacher)
    fitting.display.line(trained.describe())
    return trained


def _train_folds(
    fitting: Fitting, examples: ValidationExamples, *, taught: bool
) -> tuple[list[Candidate], list[TrainedNetwork]]:
    """Train with one fold held out after the other; return a probe and a network of each.

    A handful of images cannot show which of a network and its probe is better. So where there is time
    the same training is done again without other images, and it is the way of training that is evaluated
    (Kohavi 1995). `taught`: whether the probes have a teacher, as the one that is published has.
    """
    dataset = fitting.prepared.dataset
    probes: list[Candidate] = []
    networks: list[TrainedNetwork] = []
    assert dataset.folds is not None
    num_folds, num_validation = int(dataset.folds.max()) + 1, 0
    for fold in range(num_folds):
        began = time.monotonic()
        fitting.display.line(f"fine-tuning with fold {fold + 1} of {num_folds} held out")
        rival = _make_probe(fitting, dataset.hold_out(fold), flipped=False)
        if taught and is_main():
            rival = _teach(rival, fitting)
        try:
            networks += _trained_from(rival, fitting, examples, fold)
        except NoTimeToTrain:
            if fold == 0:
                raise
            break
        probes.append(rival)
        num_validation += len(rival.dataset.splits["val"])
        if num_validation >= _ENOUGH_VALIDATION_IMAGES or not _has_time_again(
            fitting, time.monotonic() - began
        ):
            break
    return probes, networks


def _has_time_again(fitting: Fitting, seconds: float) -> bool:
    config, dataset = fitting.config, fitting.prepared.dataset
    again = not config.dry_run and fitting.costs.has_time_again(seconds, config, dataset)
    agreed: bool = distributed.broadcast(again)
    return agreed


def _trained_from(
    probe: Candidate, fitting: Fitting, examples: ValidationExamples, fold: int = 0
) -> list[TrainedNetwork]:
    """Return the network that was trained; nothing but in the first of several processes."""
    assert probe.start is not None
    task = fitting.task(
        probe.start, probe.dataset, "finetune", horizontal_flip=probe.horizontal_flip, fold=fold
    )

    def show(step: int, val_logits: Floats) -> None:
        examples.show(fitting.display, probe.dataset, val_logits, step=step)

    show(0, probe.val_logits)
    trained = _train(task, fitting, fold, show)
    return [] if trained is None else [trained]


def _make_probe(
    fitting: Fitting, dataset: Dataset, *, flipped: bool, horizontal_flip: bool | None = None
) -> Candidate:
    """Fit a probe, `flipped` with flipped images where they keep their class and there is time.

    `horizontal_flip` says whether they do, where that is known already.
    """
    assert fitting.prepared.features is not None
    began = time.monotonic()
    probe = make_probe(
        fitting.prepared.features,
        dataset,
        fitting.config,
        fitting.display,
        horizontal_flip=horizontal_flip,
        flipped=flipped,
        spare_s=lambda: fitting.flips_spare_s(dataset),
    )
    costs = fitting.costs
    costs.probe_s, costs.heads_s = time.monotonic() - began, probe.heads_s
    costs.flipped_s = probe.horizontal_flip * costs.feature_s * len(head_images(dataset)[0])
    return probe


def _train(
    task: TrainingTask, fitting: Fitting, fold: int = 0, on_logits: OnLogits = ignore
) -> TrainedNetwork | None:
    if fitting.config.dry_run:
        make_plan(task, fitting.display)
        return None
    checkpoints = fitting.checkpoints(fold)
    if fitting.config.fresh and fold == 0:
        fitting.forget()
    return train_with_heads(task, checkpoints, fitting.display, on_logits)
