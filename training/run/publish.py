"""A measured model to a published package: files, golden images, the last gate, the rename."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import onnx

from inference.atomic_publish import publish_package
from inference.classifier import Classifier
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
    dump_manifest,
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

_NUM_GOLDEN: Final = 12
_GOLDEN_BYTES: Final = 400_000


def publish(
    measured: MeasuredModel, report: Report, config: FinetuneConfig, default: DefaultDecision
) -> Path:
    """Write the package, with its report, and return its folder.

    Raises:
        GateFailed: the written file answers raw bytes otherwise than was measured.
        DataError: another model was published under the name meanwhile.
        PackageError: the repository cannot be written.
    """
    name = config.publish_name
    compare_labels(config.models_dir, name, measured.dataset.labels)

    def write(folder: Path, version: int) -> None:
        _write(folder, name, version, measured, report)
        content = measured.metrics_file | {"default": default.record(version)}
        text = json.dumps(to_json(content), ensure_ascii=False, indent=2)
        (folder / METRICS_FILE).write_text(text, encoding="utf-8")

    return publish_package(config.models_dir, name, write)


def _write(folder: Path, name: str, version: int, measured: MeasuredModel, report: Report) -> None:
    manifest = Manifest(
        format_version=FORMAT_VERSION,
        name=name,
        version=version,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        **measured.facts,
    )
    files: dict[Precision, FileEntry] = {"fp32": _write_model(folder, measured.graph, manifest)}
    for variant in measured.variants:
        own = dataclasses.replace(manifest, **variant.facts)
        files[own.precision] = _write_model(folder, variant.model, own)
    manifest = dataclasses.replace(manifest, files=files)
    (folder / MANIFEST_FILE).write_text(dump_manifest(manifest), encoding="utf-8")
    write_frozen(folder / SPLIT_FILE, measured.frozen_split, measured.given_splits)
    if measured.similar is not None:
        write_index(folder, measured.similar)
    classifier = _check_written(folder, measured)
    page = render_report(report, manifest, classifier, similar=measured.similar)
    (folder / "report.html").write_text(page, encoding="utf-8")


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
        metrics={"accuracy": manifest.metrics.val.accuracy, "nll": manifest.metrics.val.nll},
    )


def _check_written(folder: Path, measured: MeasuredModel) -> Classifier:
    """Read the package back as the service will, and hold its answers against the measured ones.

    Returns:
        The float32 file, loaded.
    """
    package = read_package(folder)
    config = SessionConfig(provider="cpu")
    classifier = Classifier.load(package, session=config, precision="fp32")
    _check_answers(classifier, measured.dataset, measured.probabilities)
    golden = [(read_again(image), image.file.label) for image in choose_golden(measured.dataset)]
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
    return classifier


def _check_answers(
    classifier: Classifier, dataset: Dataset, measured: Mapping[Split, Floats]
) -> None:
    for split, probabilities in measured.items():
        check_raw_bytes(classifier, dataset.splits[split], dataset.pixels, probabilities)


def choose_golden(dataset: Dataset) -> list[ScannedImage]:
    """Return up to 12 images, the classes in turn, validation images first, large files last."""
    assert _NUM_GOLDEN <= MAX_GOLDEN_IMAGES
    candidates = [*dataset.splits["val"], *dataset.splits["train"]]
    in_turn = sorted(
        zip(candidates, _turns(candidates), strict=True),
        key=lambda pair: (_is_large_or_gone(pair[0].file.path), pair[1]),
    )
    return [image for image, _ in in_turn[:_NUM_GOLDEN]]


def _is_large_or_gone(file: Path) -> bool:
    try:
        return file.stat().st_size > _GOLDEN_BYTES
    except OSError:  # a training image need not be there any more
        return True


def _turns(images: Sequence[ScannedImage]) -> list[int]:
    """Return for each image how many of its class come before it."""
    seen: dict[str, int] = {}
    turns = []
    for image in images:
        turns.append(seen.get(image.file.label, 0))
        seen[image.file.label] = turns[-1] + 1
    return turns
