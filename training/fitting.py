"""From prepared images to the model to publish: the probe, or a network trained from it."""

import time
from dataclasses import dataclass

from training.budget import Stopwatch
from training.candidates import (
    Candidate,
    choose,
    compare,
    make_probe,
    make_trained,
)
from training.config import FinetuneConfig
from training.data.cache import default_cache_dir
from training.data.split import Dataset
from training.device import resolve_device
from training.errors import OutOfTime
from training.finetuning import distributed
from training.finetuning.augment import Augmentation
from training.finetuning.batches import StepImages, TrainingImages
from training.finetuning.checkpoint import Checkpoints, describe_options, run_name
from training.finetuning.evaluation import ValidationImages
from training.finetuning.plan import make_plan
from training.finetuning.resident import on_device
from training.finetuning.task import TrainingTask
from training.networks.network import TransferNetwork
from training.prepare import Prepared
from training.probing.published_head import head_images
from training.progress import Display

# The model to publish, and all that were tried.
Chosen = tuple[Candidate, list[Candidate]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitting:
    """What fitting needs."""

    prepared: Prepared
    config: FinetuneConfig
    display: Display
    stopwatch: Stopwatch

    def task(
        self, start: TransferNetwork, dataset: Dataset, method: str, *, mirror: bool
    ) -> TrainingTask:
        """Return what is to be trained."""
        return TrainingTask(
            start=start,
            backbone=self.prepared.backbone,
            dataset=dataset,
            images=self.images(dataset, mirror=mirror),
            validation=ValidationImages(
                pixels=dataset.pixels, rows=dataset.rows("val"), targets=dataset.targets("val")
            ),
            config=self.config,
            method=method,
            mirror=mirror,
            deadline_s=self.stopwatch.deadline_s(self.config),
            after_s=self.stopwatch.after_s(self.config, dataset),
            export_s=self.stopwatch.export_s,
            feature_s=self.stopwatch.feature_s,
        )

    def spare_s(self, dataset: Dataset) -> float:
        """Return the seconds that a fitted model leaves of the budget when it is published."""
        return self.stopwatch.left_s(self.config) - self.stopwatch.finish_s(dataset)

    def images(self, dataset: Dataset, *, mirror: bool) -> StepImages:
        """Return the training images, changed at random."""
        assert dataset.training_pixels is not None
        images = TrainingImages(
            pixels=dataset.training_pixels,
            rows=dataset.rows("train"),
            targets=dataset.targets("train"),
            seed=self.config.seed,
            batch_size=self.config.batch_size,
            augmentation=Augmentation(mirror=mirror, distort=True),
            share=distributed.share(),
        )
        return on_device(images, resolve_device(self.config))

    def checkpoints(self) -> Checkpoints:
        """Return where the run is saved, and what a run that goes on from there must have alike."""
        weights = self.prepared.backbone.info
        return Checkpoints.at(
            (self.config.cache_dir or default_cache_dir()) / "runs",
            run_name(self.config.publish_name, self.config.models_dir),
            describe_options(self.config.record())
            | {
                "the images": self.prepared.dataset.fingerprint(),
                "the weights": f"{weights.weights} {weights.sha256}",
            },
        )


def fit_model(fitting: Fitting, method: str) -> Chosen | None:
    """Return the model to publish, and all that were tried.

    With folds, training judges itself on one of them, beside a probe fitted on the same images. If
    that probe is not beaten, the one that was cross-validated and fitted on all images is published.

    Of several processes only the first one gets an answer; nobody does where only the plan was asked
    for.
    """
    if fitting.prepared.features is None:
        return _from_scratch(fitting)
    # What follows decides whether it is published: mirror images are for its last head.
    probe = _make_probe(fitting, fitting.prepared.dataset, mirrored=method == "probe")
    fitting.display.line(probe.describe())
    if method == "probe":
        return None if fitting.config.dry_run else (probe, [probe])
    try:
        found = _from_probe(probe, fitting)
    except OutOfTime:
        fitting.display.line("time budget: no time is left for fine-tuning, the probe stands")
        found = None if fitting.config.dry_run else (probe, [probe])
    if found is None or found[0] is not probe:
        return found
    probe = _make_probe(fitting, fitting.prepared.dataset, mirrored=True)
    return probe, [probe, *found[1][1:]]


def _from_scratch(fitting: Fitting) -> Chosen | None:
    dataset = fitting.prepared.dataset
    held = dataset if dataset.folds is None else dataset.hold_out(0)
    start = TransferNetwork(fitting.prepared.backbone, len(dataset.labels))
    task = fitting.task(start, held, "scratch", mirror=fitting.config.mirror == "yes")
    trained = _train(task, fitting)
    return None if trained is None else (trained, [trained])


def _from_probe(probe: Candidate, fitting: Fitting) -> Chosen | None:
    dataset, rival = fitting.prepared.dataset, probe
    if not distributed.agree(fitting.stopwatch.has_time_to_train(fitting.config, dataset)):
        raise OutOfTime
    if dataset.folds is not None:
        rival = _make_probe(fitting, dataset.hold_out(0), mirrored=False)
    assert rival.start is not None
    task = fitting.task(rival.start, rival.dataset, "finetune", mirror=rival.mirror)
    trained = _train(task, fitting)
    if trained is None:
        return None
    fitting.display.line(compare(rival, trained))
    return (trained if choose(rival, trained) is trained else probe), [probe, trained]


def _make_probe(fitting: Fitting, dataset: Dataset, *, mirrored: bool) -> Candidate:
    """Fit a probe, `mirrored` with mirror images where they keep their class and there is time."""
    assert fitting.prepared.features is not None
    began = time.monotonic()
    probe = make_probe(
        fitting.prepared.features,
        dataset,
        fitting.config,
        fitting.display,
        mirrored=mirrored,
        spare_s=lambda: fitting.spare_s(dataset),
    )
    watch = fitting.stopwatch
    watch.probe_s = time.monotonic() - began
    watch.heads_s = fitting.display.stage_seconds["fitting the head"]
    watch.mirrored_s = probe.mirror * watch.feature_s * len(head_images(dataset)[0])
    return probe


def _train(task: TrainingTask, fitting: Fitting) -> Candidate | None:
    if fitting.config.dry_run:
        make_plan(task, fitting.display)
        return None
    checkpoints = fitting.checkpoints()
    if fitting.config.fresh:
        checkpoints.remove()
    trained = make_trained(
        task, checkpoints, fitting.display, spare_s=lambda: fitting.spare_s(task.dataset)
    )
    if trained is not None:
        fitting.display.line(trained.describe())
    return trained
