"""The stages of a run, in order: read, build, fit, choose, measure, publish."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

from inference.errors import PackageError
from training.backbones.build import Backbone, build_backbone
from training.candidates import (
    Candidate,
    choose,
    make_probe,
    make_trained,
    resolve_device,
    training_deadline_s,
)
from training.config import FinetuneConfig
from training.data.layout import read_folder
from training.data.scan import open_cache
from training.data.split import Dataset
from training.data.views import Views
from training.measuring import measure_candidate
from training.network import TransferNetwork
from training.prepare import Prepared, describe_folder, prepare
from training.progress import Display
from training.publish import publish


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """What every stage needs."""

    config: FinetuneConfig
    display: Display
    backbone: Backbone
    started: float


def run(config: FinetuneConfig, display: Display) -> Path:
    """Train and publish; return the published folder.

    Raises:
        TrainingError: the data, the options, the weights or a gate stop the run.
        PackageError: the repository cannot be written.
    """
    started = time.monotonic()
    folder = read_folder(config.data)
    _check_writable(config.models_dir)
    method = _resolve_method(config)
    describe_folder(folder, display)
    backbone = build_backbone(config)
    _describe_backbone(backbone, display)
    this = _Run(config=config, display=display, backbone=backbone, started=started)
    views = Views(backbone.spec, for_training=method != "probe")
    with open_cache(config.cache_dir, views) as cache:
        prepared = prepare(folder, backbone, cache, config, display, method=method)
        chosen, tried = _make_model(prepared, method, this)
        display.line(f"keeping the {chosen.method}")
        measured = measure_candidate(chosen, tried, prepared, config, display, started=started)
        display.line("writing the package and checking it from raw bytes")
        return publish(measured, config)


def _check_writable(models_dir: Path) -> None:
    """Find out before an hour of training, not after it."""
    try:
        existing = next(p for p in (models_dir, *models_dir.absolute().parents) if p.exists())
        writable = existing.is_dir() and os.access(existing, os.W_OK | os.X_OK)
    except PermissionError:  # below a folder that may not even be entered
        writable = False
    if not writable:
        raise PackageError(
            f"cannot write to models folder {str(models_dir)!r}; choose another with --models-dir"
        )


def _describe_backbone(backbone: Backbone, display: Display) -> None:
    info = backbone.info
    display.line(
        f"backbone {info.name}, {info.num_params / 1e6:.1f} M weights ({info.weights}, licence "
        f"{info.licence}), input {backbone.spec.crop_hw[1]} px"
    )
    if backbone.unused:
        display.line(f"dropped from the weights file: {', '.join(backbone.unused[:6])}")


def _resolve_method(config: FinetuneConfig) -> str:
    """Let "auto" fine-tune where it is affordable: on a GPU, or within a time budget."""
    device = resolve_device(config)
    if config.method != "auto":
        return config.method
    if config.weights == "none":
        return "scratch"
    return "finetune" if device.type == "cuda" or config.time_budget is not None else "probe"


def _make_model(prepared: Prepared, method: str, this: _Run) -> tuple[Candidate, list[Candidate]]:
    """Return the model to publish, and all that were tried.

    With folds, training judges itself on one of them, beside a probe fitted on the same images. If
    that probe is not beaten, the one that was cross-validated and fitted on all images is published.
    """
    dataset, features = prepared.dataset, prepared.features
    held = dataset if dataset.folds is None else dataset.hold_out(0)
    if features is None:
        start = TransferNetwork(this.backbone, len(dataset.labels))
        trained = _train(start, held, method, this, mirror=this.config.mirror == "yes")
        return trained, [trained]
    probe = make_probe(features, dataset, this.config, this.display)
    this.display.line(probe.describe())
    if method == "probe":
        return probe, [probe]
    rival = probe
    if dataset.folds is not None:
        rival = make_probe(features, held, this.config, this.display)
    assert rival.start is not None
    trained = _train(rival.start, held, method, this, mirror=rival.mirror)
    return (probe if choose([rival, trained]) is rival else trained), [probe, trained]


def _train(
    start: TransferNetwork, dataset: Dataset, method: str, this: _Run, *, mirror: bool
) -> Candidate:
    trained = make_trained(
        start,
        this.backbone,
        dataset,
        this.config,
        this.display,
        method=method,
        mirror=mirror,
        deadline_s=training_deadline_s(this.config, this.started),
    )
    this.display.line(trained.describe())
    return trained
