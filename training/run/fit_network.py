"""From prepared images to a network trained from the probe, or the probe where that is better."""

import time
from dataclasses import replace
from typing import Final

import torch

from training.augmentation.batches import StepImages, TrainingImages
from training.augmentation.gpu_cache import cache_on_gpu
from training.augmentation.random_augmentation import Augmentation
from training.backbones.build import Backbone
from training.candidates.candidate import Candidate
from training.candidates.finetuned import TrainedNetwork, make_finetuned, train_with_heads
from training.candidates.selection import Selection
from training.candidates.validation_examples import ValidationExamples
from training.data.split import Dataset
from training.errors import NoTimeToTrain
from training.finetuning.checkpoint import Checkpoints, describe_options
from training.finetuning.loop import OnLogits, ignore
from training.finetuning.task import TrainingTask, choose_hyperparameters
from training.finetuning.validation import ValidationImages
from training.networks.transfer_network import TransferNetwork
from training.planning.training_plan import make_plan
from training.run.fit_probe import Fitting, choose_probe, probe_on, teach
from training.run.saved_run import fold_name, forget_run, runs_folder
from training.runtime import distributed
from training.runtime.allocator import keep_freed_memory
from training.runtime.arrays import Floats
from training.runtime.ranks import is_main

# One fold of a large data set has as many validation images, of a small one it takes several.
_ENOUGH_VALIDATION_IMAGES: Final = 50


def fit_network(fitting: Fitting) -> Selection | None:
    """Return the model to publish, all that were tried, and why it is that one.

    With folds, training is validated on one held-out fold after the other, beside a probe fitted on the
    same images. If that probe is not beaten, the one that was cross-validated and fitted on all images is
    published.

    Of several processes only the first one gets an answer; nobody does where only the plan was asked
    for.
    """
    keep_freed_memory()  # a probe has no steps: there it would be memory for nothing
    if fitting.prepared.features is None:
        return _from_scratch(fitting)
    # What follows decides whether it is published: flipped images are for its last head.
    probe = probe_on(fitting, fitting.prepared.dataset, flipped=False)
    fitting.display.line(probe.describe())
    examples = ValidationExamples.by(probe)
    costs = fitting.costs
    costs.keeps_flips = 0 < costs.flipped_s <= fitting.spare_s(fitting.prepared.dataset)
    probes = Selection.without_rival(probe)
    if not fitting.config.dry_run:
        probes = choose_probe(probe, fitting)
    selected = _finetune_or_probe(probes, fitting, examples)
    if selected is None:
        return None
    chosen = selected.chosen
    examples.show(fitting.display, chosen.dataset, chosen.val_logits, step=None)
    if chosen is not probe:
        return selected
    return selected.with_probe(
        probe_on(
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
        will_be = "would be" if fitting.config.dry_run else "is"
        fitting.display.line(
            f"time budget: no time is left for fine-tuning; the {probes.chosen.title} {will_be} published"
        )
        if fitting.config.dry_run:
            return None
        return probes.published_because("the time budget had no room for fine-tuning")


def _from_scratch(fitting: Fitting) -> Selection | None:
    dataset = fitting.prepared.dataset
    held = dataset if dataset.folds is None else dataset.hold_out(0)
    backbone = fitting.prepared.backbone
    assert isinstance(backbone, Backbone)
    start = TransferNetwork(backbone, len(dataset.labels))
    if fitting.config.horizontal_flip == "auto":
        fitting.display.line(
            "horizontal flip: off (no probe can show whether flipped images keep their class; "
            "--horizontal-flip yes turns it on)"
        )
    task = _task(
        fitting, start, held, "scratch", horizontal_flip=fitting.config.horizontal_flip == "yes"
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
    return replace(selection, of_teacher=chosen.of_teacher)


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
        rival = probe_on(fitting, dataset.hold_out(fold), flipped=False)
        if taught and is_main():
            rival = teach(rival, fitting)
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
    task = _task(
        fitting,
        probe.start,
        probe.dataset,
        "finetune",
        horizontal_flip=probe.horizontal_flip,
        fold=fold,
    )

    def show(step: int, val_logits: Floats) -> None:
        examples.show(fitting.display, probe.dataset, val_logits, step=step)

    show(0, probe.val_logits)
    trained = _train(task, fitting, fold, show)
    return [] if trained is None else [trained]


def _train(
    task: TrainingTask, fitting: Fitting, fold: int = 0, on_logits: OnLogits = ignore
) -> TrainedNetwork | None:
    if fitting.config.dry_run:
        make_plan(task, fitting.display)
        return None
    checkpoints = _checkpoints(fitting, fold)
    if fitting.config.fresh and fold == 0:
        forget_run(fitting.config, fitting.run_name)
    return train_with_heads(task, checkpoints, fitting.display, on_logits)


def _task(
    fitting: Fitting,
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
    mean_s = fitting.costs.mean_s if fold > 0 else 0.0
    settings = choose_hyperparameters(fitting.config, dataset, scratch=method == "scratch")
    return TrainingTask(
        start=start,
        backbone=fitting.prepared.backbone,
        dataset=dataset,
        images=_images(fitting, dataset, settings.device, horizontal_flip=horizontal_flip),
        validation=ValidationImages(
            pixels=dataset.pixels, rows=dataset.rows("val"), targets=dataset.targets("val")
        ),
        config=fitting.config,
        method=method,
        horizontal_flip=horizontal_flip,
        settings=settings,
        budget=fitting.costs.budget.aim(),
        after_s=fitting.costs.after_s(fitting.config, dataset) + mean_s,
        part=_part(fitting.prepared.dataset, fold),
        stretched=method == "scratch" or fitting.prepared.dataset.folds is None,
        export_s=fitting.costs.export_s,
        feature_s=fitting.costs.feature_s,
    )


def _part(dataset: Dataset, fold: int) -> str:
    """Return which fold is held out: how many follow depends on the time and on the images."""
    if dataset.folds is None:
        return ""
    return f"fold {fold + 1} of at most {int(dataset.folds.max()) + 1}"


def _images(
    fitting: Fitting, dataset: Dataset, device: torch.device, *, horizontal_flip: bool
) -> StepImages:
    """Return the training images, changed at random; with a teacher, unlabelled ones too."""
    assert dataset.training_pixels is not None
    known = dataset.training_pixels, dataset.rows("train"), dataset.targets("train")
    answers = fitting.answers
    if (
        answers is not None
    ):  # what is compared on validation images has no teacher that has seen them
        answers = answers.without(dataset.rows("val"))
    pixels, rows, targets = known if answers is None else answers.with_unlabelled(*known)
    images = TrainingImages(
        pixels=pixels,
        rows=rows,
        targets=targets,
        seed=fitting.config.seed,
        batch_size=fitting.config.batch_size,
        augmentation=Augmentation(horizontal_flip=horizontal_flip, distort=True),
        shard=distributed.shard(),
    )
    return cache_on_gpu(images, device)


def _checkpoints(fitting: Fitting, fold: int = 0) -> Checkpoints:
    """Return where the run is saved, and what a resumed run must have alike."""
    weights = fitting.prepared.backbone.info
    found = Checkpoints.at(
        runs_folder(fitting.config),
        fold_name(fitting.run_name, fold),
        describe_options(fitting.config.record())
        | {
            "the images": fitting.prepared.dataset.fingerprint(),
            "the weights": f"{weights.weights} {weights.sha256}",
            "the fit": fitting.prepared.backbone.spec.fit,
        },
    )
    found.warn = fitting.display.warning
    return found
