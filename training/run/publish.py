"""A measured model to a published package: files, golden images, the last gate, the rename."""

import dataclasses
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Final

import onnx

from inference.atomic_publish import publish_package
from inference.classifier import Classifier
from inference.decoding import DEFAULT_LIMITS, read_header
from inference.golden import (
    MAX_GOLDEN_IMAGES,
    add_golden_precision,
    check_golden,
    write_golden,
)
from inference.manifest import (
    FORMAT_VERSION,
    MANIFEST_FILE,
    MODEL_FILES,
    FileEntry,
    Manifest,
    Precision,
    PrecisionRules,
    dump_manifest,
    shares_fp32_file,
)
from inference.package import read_package
from inference.session import SessionConfig
from inference.similar import write_index
from inference.strictjson import to_json
from training.config import FinetuneConfig
from training.data.folder import Split
from training.data.scan import ScannedImage
from training.data.split import SPLIT_FILE, Dataset, write_frozen
from training.errors import GateFailed
from training.export.onnx_graph import embed_manifest
from training.export.parity import check_raw_bytes, read_again
from training.report.report_page import render_report
from training.report.training_report import Report
from training.run.default_version import METRICS_FILE, DefaultDecision
from training.run.label_changes import compare_labels
from training.run.measure import MeasuredModel
from training.runtime.arrays import Floats
from training.runtime.json_text import json_text
from training.runtime.progress import Display

_NUM_GOLDEN: Final = 12
_GOLDEN_BYTES: Final = 400_000
_SHOWN_FILES: Final = 10


def publish(
    measured: MeasuredModel,
    report: Report,
    config: FinetuneConfig,
    default: DefaultDecision,
    display: Display,
) -> Path:
    """Write the package, with its report, and return its folder.

    Raises:
        GateFailed: the written file answers raw bytes otherwise than was measured.
        DataError: another model was published under the name meanwhile.
        PackageError: the repository cannot be written.
    """
    name = config.publish_name
    compare_labels(
        config.models_dir, name, measured.dataset.labels, name_given=config.name is not None
    )

    def write(folder: Path, version: int) -> None:
        changed = _write(folder, name, version, measured, report)
        _describe_changed(changed, display)
        content = measured.metrics_file | {"default": default.record(version)}
        (folder / METRICS_FILE).write_text(json_text(to_json(content)), encoding="utf-8")

    return publish_package(config.models_dir, name, write)


def _describe_changed(changed: Sequence[ScannedImage], display: Display) -> None:
    for image in changed[:_SHOWN_FILES]:
        display.warning(
            f"{image.file.path.name!r} has gone or changed since it was read; the figures are of what "
            "was read, and the last check leaves it out"
        )
    if len(changed) > _SHOWN_FILES:
        display.warning(f"and {len(changed) - _SHOWN_FILES} more files have gone or changed")


def _write(
    folder: Path, name: str, version: int, measured: MeasuredModel, report: Report
) -> list[ScannedImage]:
    """Fill the package's folder; return the images whose files have gone or changed meanwhile."""
    manifest = Manifest(
        format_version=FORMAT_VERSION,
        name=name,
        version=version,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        **measured.facts,
    )
    fp32 = _write_model(folder, measured.graph, manifest)
    files: dict[Precision, FileEntry] = {"fp32": fp32}
    rules: dict[Precision, PrecisionRules] = {}
    for variant in measured.variants:
        own = dataclasses.replace(manifest, **variant.facts)
        if shares_fp32_file(own.precision):
            files[own.precision] = dataclasses.replace(fp32, metrics=_file_metrics(own))
            rules[own.precision] = _rules(own)
        else:
            files[own.precision] = _write_model(folder, variant.model, own)
    manifest = dataclasses.replace(manifest, files=files, precision_rules=rules or None)
    (folder / MANIFEST_FILE).write_text(dump_manifest(manifest), encoding="utf-8")
    write_frozen(folder / SPLIT_FILE, measured.frozen_split, measured.given_splits)
    if measured.similar is not None:
        write_index(folder, measured.similar)
    classifier, changed = _check_written(folder, measured)
    page = render_report(report, manifest, classifier, similar=measured.similar)
    (folder / "report.html").write_text(page, encoding="utf-8")
    return changed


def _write_model(folder: Path, model: onnx.ModelProto, manifest: Manifest) -> FileEntry:
    """Write a model file with its own manifest inside."""
    embed_manifest(model, dump_manifest(manifest, embedded=True))
    data = model.SerializeToString()
    file = MODEL_FILES[manifest.precision]
    (folder / file).write_bytes(data)
    return FileEntry(
        file=file,
        sha256=hashlib.sha256(data).hexdigest(),
        bytes=len(data),
        metrics=_file_metrics(manifest),
    )


def _file_metrics(manifest: Manifest) -> dict[str, float]:
    return {"accuracy": manifest.metrics.val.accuracy, "nll": manifest.metrics.val.nll}


def _rules(own: Manifest) -> PrecisionRules:
    """Return what a precision's manifest has of its own; with many classes, more would be too long."""
    val, test = own.metrics.val, own.metrics.test
    return PrecisionRules(
        calibration=own.calibration,
        rejection=own.rejection,
        conformal=own.conformal,
        metrics=dataclasses.replace(
            own.metrics,
            val=dataclasses.replace(val, per_class={}),
            test=None if test is None else dataclasses.replace(test, per_class={}),
        ),
        parity=own.parity,
    )


def _check_written(folder: Path, measured: MeasuredModel) -> tuple[Classifier, list[ScannedImage]]:
    """Read the package back as the service will, and hold its answers against the measured ones.

    Returns:
        The float32 file, loaded, and the images that have gone or changed.
    """
    package = read_package(folder)
    config = SessionConfig(provider="cpu")
    classifier = Classifier.load(package, session=config, precision="fp32")
    changed = _check_answers(classifier, measured.dataset, measured.probabilities)
    golden = list(islice(read_golden(measured.dataset), _NUM_GOLDEN))
    if not golden:
        raise GateFailed("golden gate: no image can be read any more; nothing was published")
    write_golden(folder, classifier, golden)
    if check_golden(classifier, folder) != len(golden):
        raise GateFailed(
            f"golden gate: {len(golden)} images were to be written; nothing was published"
        )
    for variant in measured.variants:
        precision = variant.outcome.precision
        other = Classifier.load(package, session=variant.session, precision=precision)
        _check_answers(other, measured.dataset, variant.probabilities)
        add_golden_precision(folder, other)
    return classifier, changed


def _check_answers(
    classifier: Classifier, dataset: Dataset, measured: Mapping[Split, Floats]
) -> list[ScannedImage]:
    return [
        image
        for split, probabilities in measured.items()
        for image in check_raw_bytes(
            classifier, dataset.splits[split], dataset.pixels, probabilities
        )
    ]


def read_golden(dataset: Dataset) -> Iterator[tuple[bytes, str]]:
    """Yield the bytes and labels of images that are what they were, in the order of `order_golden`."""
    for image in order_golden(dataset):
        data = read_again(image)
        if data is not None and _is_for_any_service(data):
            yield data, image.file.label


def _is_for_any_service(data: bytes) -> bool:
    """Whether a service with the usual limits takes an image, so that it can replay it."""
    header = read_header(data)
    usual = DEFAULT_LIMITS
    return (
        len(data) <= usual.max_bytes
        and header is not None
        and header.num_pixels <= usual.max_pixels
        and header.seconds <= usual.max_seconds
        and header.memory_bytes <= usual.max_memory_bytes
    )


def order_golden(dataset: Dataset) -> list[ScannedImage]:
    """Return the images, the classes in turn, validation images first, large files last."""
    assert _NUM_GOLDEN <= MAX_GOLDEN_IMAGES
    both = [*dataset.splits["val"], *dataset.splits["train"]]
    candidates = list({image.row: image for image in both}.values())  # with folds, some are in both
    in_turn = sorted(
        zip(candidates, _turns(candidates), strict=True),
        key=lambda pair: (_is_large_or_gone(pair[0].file.path), pair[1]),
    )
    return [image for image, _ in in_turn]


def _is_large_or_gone(file: Path) -> bool:
    try:
        return file.stat().st_size > _GOLDEN_BYTES
    except OSError:
        return True


def _turns(images: Sequence[ScannedImage]) -> list[int]:
    """Return for each image how many of its class come before it."""
    seen: dict[str, int] = {}
    turns = []
    for image in images:
        turns.append(seen.get(image.file.label, 0))
        seen[image.file.label] = turns[-1] + 1
    return turns
