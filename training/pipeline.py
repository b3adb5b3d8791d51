"""The stages of a run, in order: read, build, fit, choose, calibrate, check, publish."""

import dataclasses
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from inference.errors import PackageError
from inference.manifest import (
    Calibration,
    DatasetInfo,
    Metrics,
    OutputSpec,
    Parity,
    TrainingInfo,
)
from inference.session import ModelSession, SessionConfig, open_session
from training.backbones.build import Backbone, build_backbone
from training.backbones.heads import NO_MAP
from training.calibration import fit_temperature
from training.candidates import (
    Candidate,
    choose,
    make_probe,
    make_trained,
    mirror_is_safe,
    resolve_device,
    training_deadline_s,
)
from training.config import FinetuneConfig
from training.data.layout import Folder, Split, read_folder
from training.data.scan import Scan, scan_folder
from training.data.split import Dataset, split_dataset
from training.gates import check_graph, run_batches
from training.metrics import confusion_matrix, measure
from training.network import TransferNetwork
from training.progress import Display
from training.publish import Measured, publish
from training.rejection import fit_rejection
from training.report import Report
from training.reproducibility import library_versions

_SHOWN_FILES = 10


def run(config: FinetuneConfig, display: Display) -> Path:
    """Train and publish; return the published folder.

    Raises:
        TrainingError: the data, the options, the weights or a gate stop the run.
        PackageError: the repository cannot be written.
    """
    started = time.monotonic()
    folder = read_folder(config.data)
    _check_writable(config.models_dir)
    resolve_device(config)
    _describe_folder(folder, display)
    backbone = build_backbone(config)
    _describe_backbone(backbone, display)
    with tempfile.TemporaryDirectory(prefix="graft-") as work:
        scan = _scan(folder, backbone, Path(work), display)
        dataset = split_dataset(scan, seed=config.seed)
        _describe_splits(dataset, display)
        candidates = _make_candidates(backbone, dataset, config, display, started)
        chosen = choose(candidates)
        display.line(f"keeping the {chosen.method}")
        measured = _measure(
            chosen,
            candidates,
            backbone=backbone,
            scan=scan,
            dataset=dataset,
            config=config,
            display=display,
            started=started,
        )
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


def _describe_folder(folder: Folder, display: Display) -> None:
    display.line(f"found {len(folder.files)} image files in {len(folder.labels)} classes")
    if folder.ignored:
        kinds = ", ".join(f"{n} {suffix}" for suffix, n in sorted(folder.ignored.items()))
        display.line(f"ignoring {sum(folder.ignored.values())} other files: {kinds}")


def _describe_backbone(backbone: Backbone, display: Display) -> None:
    info = backbone.info
    display.line(
        f"backbone {info.name}, {info.num_params / 1e6:.1f} M weights ({info.weights}, licence "
        f"{info.licence}), input {backbone.spec.crop_hw[1]} px"
    )
    if backbone.unused:
        display.line(f"dropped from the weights file: {', '.join(backbone.unused[:6])}")


def _scan(folder: Folder, backbone: Backbone, work: Path, display: Display) -> Scan:
    with display.bar("reading images", len(folder.files)) as advance:
        scan = scan_folder(
            folder, backbone.spec, pixels_file=work / "pixels.uint8", advance=advance
        )
    for bad in scan.quarantined[:_SHOWN_FILES]:
        display.warning(f"leaving out {folder.relative(bad.file)!r}: {bad.reason}")
    if len(scan.quarantined) > _SHOWN_FILES:
        display.warning(f"leaving out {len(scan.quarantined) - _SHOWN_FILES} more, see the report")
    return scan


def _describe_splits(dataset: Dataset, display: Display) -> None:
    parts = (f"{len(images)} {split}" for split, images in dataset.splits.items())
    display.line(f"split into {', '.join(parts)}")


def _make_candidates(
    backbone: Backbone,
    dataset: Dataset,
    config: FinetuneConfig,
    display: Display,
    started: float,
) -> list[Candidate]:
    method = _resolve_method(config)
    if method == "scratch":
        start, candidates = TransferNetwork(backbone, len(dataset.labels)), []
    else:
        candidates = [make_probe(backbone, dataset, display)]
        display.line(candidates[0].describe())
        start = candidates[0].network
    if method != "probe":
        trained = make_trained(
            start,
            backbone,
            dataset,
            config,
            display,
            method=method,
            mirror=_resolve_mirror(config, candidates, dataset, display),
            deadline_s=training_deadline_s(config, started),
        )
        candidates.append(trained)
        display.line(candidates[-1].describe())
    return candidates


def _resolve_method(config: FinetuneConfig) -> str:
    """Let "auto" fine-tune where it is affordable: on a GPU, or within a time budget."""
    if config.method != "auto":
        return config.method
    if config.weights == "none":
        return "scratch"
    on_gpu = resolve_device(config).type == "cuda"
    return "finetune" if on_gpu or config.time_budget is not None else "probe"


def _resolve_mirror(
    config: FinetuneConfig, candidates: list[Candidate], dataset: Dataset, display: Display
) -> bool:
    if config.mirror != "auto":
        return config.mirror == "yes"
    safe = bool(candidates) and mirror_is_safe(candidates[0], dataset)
    display.line(f"mirror images {'keep' if safe else 'may not keep'} their class: --mirror auto")
    return safe


def _measure(
    chosen: Candidate,
    candidates: list[Candidate],
    *,
    backbone: Backbone,
    scan: Scan,
    dataset: Dataset,
    config: FinetuneConfig,
    display: Display,
    started: float,
) -> Measured:
    """Calibrate on validation data, check the graph, and read the test data for the first time."""
    targets, rows = dataset.targets("val"), dataset.rows("val")
    temperature = fit_temperature(chosen.val_logits, targets)
    model = chosen.exported(temperature=temperature)
    session = open_session(model.SerializeToString(), SessionConfig(provider="cpu"))
    with display.bar("comparing PyTorch with the exported file", len(rows)) as advance:
        parity = check_graph(
            chosen.network, session, dataset.pixels, rows, temperature=temperature, advance=advance
        )
    probabilities = _probabilities(session, dataset, display)
    metrics = _metrics(probabilities, dataset)
    _describe_metrics(metrics, display)
    reported: Split = "test" if metrics.test is not None else "val"
    confusion = {
        split: confusion_matrix(p, dataset.targets(split), len(dataset.labels))
        for split, p in probabilities.items()
    }
    tried = [note for c in candidates for note in (*c.notes, c.describe())]
    left_out = [(scan.folder.relative(bad.file), bad.reason) for bad in scan.quarantined]
    seconds = time.monotonic() - started
    return Measured(
        model=model,
        facts={
            "labels": dataset.labels,
            "preprocessing": backbone.spec,
            "outputs": _output_specs(backbone, len(dataset.labels), session),
            "calibration": Calibration(temperature=temperature),
            "rejection": fit_rejection(chosen.val_logits),
            "backbone": backbone.info,
            "dataset": DatasetInfo(fingerprint=dataset.fingerprint(), counts=dataset.counts()),
            "metrics": metrics,
            "training": TrainingInfo(
                method=chosen.method,
                seed=config.seed,
                config=config.record(),
                seconds=round(seconds, 1),
                libraries=library_versions(),
            ),
            "parity": parity,
        },
        dataset=dataset,
        probabilities=probabilities,
        metrics=_metrics_file(metrics, parity, confusion, candidates, left_out),
        report=Report(
            confusion=confusion[reported],
            history=chosen.history,
            tried=tried,
            left_out=left_out,
        ),
    )


def _probabilities(
    session: ModelSession, dataset: Dataset, display: Display
) -> dict[Split, npt.NDArray[np.float32]]:
    splits: list[Split] = ["val", "test"] if dataset.splits["test"] else ["val"]
    total = sum(len(dataset.splits[split]) for split in splits)
    with display.bar("measuring", total) as advance:
        return {
            split: run_batches(
                session, dataset.pixels, dataset.rows(split), advance=advance
            ).probabilities
            for split in splits
        }


def _metrics(probabilities: dict[Split, npt.NDArray[np.float32]], dataset: Dataset) -> Metrics:
    found = {
        split: measure(values, dataset.targets(split), dataset.labels)
        for split, values in probabilities.items()
    }
    return Metrics(val=found["val"], test=found.get("test"))


def _describe_metrics(metrics: Metrics, display: Display) -> None:
    for name, split in (("validation", metrics.val), ("test", metrics.test)):
        if split is not None:
            display.line(
                f"{name}: {100 * split.accuracy:.1f} % of {split.images} images right, "
                f"macro F1 {100 * split.macro_f1:.1f} %, calibration error {100 * split.ece:.1f} %"
            )


def _output_specs(
    backbone: Backbone, num_classes: int, session: ModelSession
) -> dict[str, OutputSpec]:
    specs = {
        "logits": OutputSpec(dtype="float32", shape=(-1, num_classes)),
        "probabilities": OutputSpec(dtype="float32", shape=(-1, num_classes)),
        "embedding": OutputSpec(dtype="float32", shape=(-1, backbone.embedding_dim)),
        "activation_map": OutputSpec(absent=NO_MAP),
    }
    if "activation_map" in session.output_names:
        blank = np.zeros((1, *backbone.spec.crop_hw, 3), dtype=np.uint8)
        shape = session.run(blank, ["activation_map"])["activation_map"].shape
        specs["activation_map"] = OutputSpec(dtype="float32", shape=(-1, *shape[1:]))
    return specs


def _metrics_file(
    metrics: Metrics,
    parity: Parity,
    confusion: dict[Split, npt.NDArray[np.int64]],
    candidates: list[Candidate],
    left_out: list[tuple[str, str]],
) -> dict[str, Any]:
    return {
        "metrics": metrics,
        "parity": parity,
        "confusion": {split: counts.tolist() for split, counts in confusion.items()},
        "candidates": [
            {
                "method": candidate.method,
                "val_accuracy": candidate.accuracy,
                "val_nll": candidate.nll,
                "history": [dataclasses.asdict(record) for record in candidate.history],
            }
            for candidate in candidates
        ],
        "left_out": [{"path": path, "reason": reason} for path, reason in left_out],
    }
