"""The chosen model, measured: calibrated on validation data, exported, checked, tested once."""

import dataclasses
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import softmax

from inference.manifest import (
    Calibration,
    DatasetInfo,
    Metrics,
    OutputSpec,
    Parity,
    SplitMetrics,
    TrainingInfo,
)
from inference.rejection import FAMILIARITY
from inference.session import ModelSession, SessionConfig, open_session
from training.abstention.ood_detector import (
    OodDetector,
    fit_ood_detector,
    make_index,
)
from training.abstention.rules import AbstentionRules, choose_abstention_rules
from training.assessment.calibration import CalibrationEffect, calibration_effect
from training.assessment.classification_metrics import confusion_matrix, describe_accuracy, measure
from training.backbones.build import Backbone
from training.backbones.head_removal import NO_MAP
from training.candidates.candidate import Candidate
from training.config import FinetuneConfig
from training.data.layout import Split
from training.data.split import Dataset
from training.export.parity import check_graph
from training.precisions.converted_model import Float32Model
from training.precisions.search import PrecisionSearch, search_precisions
from training.run.prepare import PreparedData
from training.run.publish import MeasuredModel
from training.run.report_content import make_report
from training.run.time_budget import Stopwatch
from training.runtime.arrays import Floats, Integers
from training.runtime.progress import Display
from training.runtime.versions import library_versions


def measure_candidate(
    chosen: Candidate,
    tried: list[Candidate],
    prepared: PreparedData,
    config: FinetuneConfig,
    display: Display,
    *,
    stopwatch: Stopwatch,
) -> MeasuredModel:
    """Calibrate on validation data, check the graph, and read the test data for the first time.

    Raises:
        GateFailed: the exported file does not do what the network does.
    """
    detector = fit_ood_detector(chosen, config, display, C=tried[0].C)
    chosen = detector.candidate
    dataset, backbone = chosen.dataset, prepared.backbone
    temperature = chosen.out_of_fold().temperature()
    model = chosen.exported(temperature=temperature, ood_score=detector.ood_score)
    session = open_session(model.SerializeToString(), SessionConfig(provider="cpu"))
    parity = _check_graph(detector, session, display, temperature=temperature)
    logits = _served_logits(chosen)
    served = {split: softmax(found / temperature, axis=1) for split, found in logits.items()}
    judgement = _judge(chosen, logits, temperature=temperature)
    _describe_metrics(judgement.metrics, display)
    caution = _choose_rules(
        detector, prepared, config, display, temperature=temperature, served=served
    )
    reference = _reference(detector, caution, temperature)
    precisions = _try_precisions(reference, config, display, stopwatch)
    return MeasuredModel(
        model=model,
        variants=precisions.variants,
        facts={
            **_origin(dataset, backbone),
            "outputs": _output_specs(backbone, len(dataset.labels), session),
            "calibration": Calibration(temperature=temperature),
            "rejection": caution.rejection,
            "metrics": judgement.metrics,
            "training": _training_info(chosen, config, stopwatch.started),
            "parity": parity,
            "conformal": caution.conformal,
            "precisions_left_out": precisions.left_out,
        },
        dataset=dataset,
        frozen_split=prepared.dataset.frozen(),
        given_splits=prepared.scan.folder.given_splits,
        probabilities=served,
        similar=None if config.no_similar else make_index(detector, prepared.scan.folder),
        metrics=_metrics_file(judgement, parity, tried, prepared, precisions) | caution.tested,
        report=make_report(
            chosen,
            tried,
            prepared,
            display,
            probabilities=judgement.probabilities,
            calibration=judgement.calibration,
            precisions=precisions.outcomes,
        ),
    )


def _choose_rules(
    detector: OodDetector,
    prepared: PreparedData,
    config: FinetuneConfig,
    display: Display,
    *,
    temperature: float,
    served: dict[Split, Floats],
) -> AbstentionRules:
    return choose_abstention_rules(
        detector,
        prepared.unknown,
        None if prepared.features is None else prepared.features.embeddings,
        config,
        display,
        temperature=temperature,
        served=served,
    )


def _origin(dataset: Dataset, backbone: Backbone) -> dict[str, Any]:
    """Return the manifest's fields that were settled before any model was made."""
    return {
        "labels": dataset.labels,
        "preprocessing": backbone.spec,
        "backbone": backbone.info,
        "dataset": DatasetInfo(fingerprint=dataset.fingerprint(), counts=dataset.counts()),
    }


def _reference(detector: OodDetector, caution: AbstentionRules, temperature: float) -> Float32Model:
    return Float32Model(
        detector=detector,
        temperature=temperature,
        rejection=caution.rejection,
        conformal=caution.conformal,
    )


def _try_precisions(
    reference: Float32Model, config: FinetuneConfig, display: Display, stopwatch: Stopwatch
) -> PrecisionSearch:
    return search_precisions(
        config.precisions,
        reference,
        display,
        seed=config.seed,
        seconds_left=lambda: stopwatch.left_s(config),
        needed_s=stopwatch.precision_s(reference.candidate.dataset),
    )


def _check_graph(
    detector: OodDetector, session: ModelSession, display: Display, *, temperature: float
) -> Parity:
    chosen = detector.candidate
    rows = chosen.dataset.rows("val")
    with display.bar("comparing PyTorch and ONNX Runtime", len(rows)) as advance:
        return check_graph(
            chosen.network,
            session,
            chosen.dataset.pixels,
            rows,
            temperature=temperature,
            ood_score=detector.ood_score,
            advance=advance,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judgement:
    """How good the model is; what is by split has no "test" where there are no test images."""

    metrics: Metrics
    probabilities: dict[Split, Floats]
    confusion: dict[Split, Integers]
    calibration: dict[Split, CalibrationEffect]


def _judge(
    chosen: Candidate, served_logits: dict[Split, Floats], *, temperature: float
) -> _Judgement:
    """Measure each split.

    With folds, the published head has seen the validation images: their logits are the out-of-fold
    predictions, of heads that had not.
    """
    dataset, out_of_fold = chosen.dataset, chosen.out_of_fold()
    logits = {**served_logits, "val": out_of_fold.logits}
    targets = {split: dataset.targets(split) for split in logits} | {"val": out_of_fold.targets}
    probabilities = {split: softmax(logits[split] / temperature, axis=1) for split in logits}
    found = {
        split: measure(probabilities[split], targets[split], dataset.labels) for split in logits
    }
    metrics = Metrics(
        validation="cross-validated" if chosen.cross_validated else "held out",
        val_accuracy_spread=chosen.spread,
        val=found["val"],
        test=found.get("test"),
    )
    return _Judgement(
        metrics=metrics,
        probabilities=probabilities,
        confusion={
            split: confusion_matrix(probabilities[split], targets[split], len(dataset.labels))
            for split in logits
        },
        calibration={
            split: calibration_effect(logits[split], targets[split], temperature=temperature)
            for split in logits
        },
    )


def _training_info(chosen: Candidate, config: FinetuneConfig, started: float) -> TrainingInfo:
    return TrainingInfo(
        method=chosen.method,
        seed=config.seed,
        config=config.record(),
        seconds=round(time.monotonic() - started, 1),
        libraries=library_versions(),
    )


def _served_logits(chosen: Candidate) -> dict[Split, Floats]:
    """Return what the exported file answers, (N, K) by split; a gate compares it from raw bytes.

    ONNX Runtime computed the embeddings with the trunk of this very file; only the head is to be applied.
    """
    dataset = chosen.dataset
    assert chosen.embeddings is not None
    logits = chosen.network.linear_head().logits(chosen.embeddings)
    splits: list[Split] = ["val", "test"] if dataset.splits["test"] else ["val"]
    return {split: logits[dataset.rows(split)] for split in splits}


def _describe_metrics(metrics: Metrics, display: Display) -> None:
    held_out = metrics.validation == "held out"
    _describe_split("validation" if held_out else "cross-validated", metrics.val, display)
    if metrics.test is not None:
        _describe_split("test", metrics.test, display)


def _describe_split(name: str, split: SplitMetrics, display: Display) -> None:
    display.line(
        f"{describe_accuracy(split, name)}, balanced accuracy {100 * split.balanced_accuracy:.1f} %, "
        f"macro F1 {100 * split.macro_f1:.1f} %, calibration error (ECE) {100 * split.ece:.1f} %"
    )


def _output_specs(
    backbone: Backbone, num_classes: int, session: ModelSession
) -> dict[str, OutputSpec]:
    specs = {
        "logits": OutputSpec(dtype="float32", shape=(-1, num_classes)),
        "probabilities": OutputSpec(dtype="float32", shape=(-1, num_classes)),
        "embedding": OutputSpec(dtype="float32", shape=(-1, backbone.embedding_dim)),
        FAMILIARITY: OutputSpec(dtype="float32", shape=(-1,)),
        "activation_map": OutputSpec(absent=NO_MAP),
    }
    if "activation_map" in session.output_names:
        blank = np.zeros((1, *backbone.spec.crop_hw, 3), dtype=np.uint8)
        shape = session.run(blank, ["activation_map"])["activation_map"].shape
        specs["activation_map"] = OutputSpec(dtype="float32", shape=(-1, *shape[1:]))
    return specs


def _metrics_file(
    judgement: _Judgement,
    parity: Parity,
    tried: list[Candidate],
    prepared: PreparedData,
    precisions: PrecisionSearch,
) -> dict[str, Any]:
    return {
        "precisions": precisions.outcomes,
        "metrics": judgement.metrics,
        "calibration": judgement.calibration,
        "parity": parity,
        "confusion": {split: counts.tolist() for split, counts in judgement.confusion.items()},
        "candidates": [
            {
                "method": candidate.method,
                "val_accuracy": candidate.accuracy,
                "val_nll": candidate.nll,
                "history": [dataclasses.asdict(record) for record in candidate.history],
            }
            for candidate in tried
        ],
        "audit": prepared.audit.to_json(),
        "left_out": [{"path": path, "reason": reason} for path, reason in prepared.left_out()],
    }
