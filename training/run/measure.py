"""The selected model, measured: exported, evaluated, with its rules for abstention and its precisions."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import onnx
from scipy.special import softmax

from inference.manifest import Calibration, DatasetInfo, TrainingInfo
from inference.similar import SimilarIndex
from training.abstention.ood_detector import fit_ood_detector, make_index
from training.abstention.rules import AbstentionRules, choose_abstention_rules
from training.assessment.answer_shares import answer_shares
from training.candidates.candidate import Candidate
from training.candidates.selection import Selection
from training.config import FinetuneConfig
from training.data.folder import Split
from training.data.split import Dataset
from training.planning.budget_shares import StageCosts
from training.precisions.converted_model import Float32Model
from training.precisions.outcome import ConvertedFile
from training.precisions.search import PrecisionSearch, search_precisions
from training.run.export_model import ExportedModel, export_model
from training.run.prepare import PreparedData
from training.run.split_results import SplitResults, measure_splits, print_metrics
from training.runtime.arrays import Floats
from training.runtime.progress import Display
from training.runtime.versions import library_versions


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredModel:
    """A model and all that was found out about it.

    Attributes:
        graph: the float32 file, without its manifest.
        facts: the manifest's fields but for format_version, name, version, created and files.
        dataset: the images, by which split.
        frozen_split, given_splits: kept so that the next run splits the same images alike.
        probabilities: the exported file's (N, K) for "val" and, where there are test images, "test".
        similar: goes into the package, unless it is None.
        results: by split, as the report shows them.
        precisions: the files of other precisions, and what became of each that was tried.
        metrics_file: what metrics.json holds.
    """

    graph: onnx.ModelProto
    facts: dict[str, Any]
    dataset: Dataset
    frozen_split: dict[str, str]
    given_splits: tuple[Split, ...]
    probabilities: dict[Split, Floats]
    similar: SimilarIndex | None
    results: SplitResults
    precisions: PrecisionSearch
    metrics_file: dict[str, Any]

    @property
    def variants(self) -> tuple[ConvertedFile, ...]:
        """The files of other precisions that are published too."""
        return self.precisions.variants


def measure_selected(
    selection: Selection,
    prepared: PreparedData,
    config: FinetuneConfig,
    display: Display,
    *,
    costs: StageCosts,
) -> MeasuredModel:
    """Calibrate on validation data, check the graph, and read the test data for the first time.

    Raises:
        GateFailed: the exported file does not do what the network does.
    """
    detector = fit_ood_detector(selection.chosen, config, display, C=selection.tried[0].C)
    exported = export_model(detector, display)
    results = measure_splits(exported)
    dataset = exported.candidate.dataset
    files: dict[Split, int] = {split: len(dataset.targets(split)) for split in results.counted}
    print_metrics(results.metrics, files, display)
    served = {
        split: softmax(logits / exported.temperature, axis=1)
        for split, logits in exported.logits().items()
    }
    rules = choose_abstention_rules(
        detector,
        prepared.unknown,
        None if prepared.features is None else prepared.features.embeddings,
        config,
        display,
        temperature=exported.temperature,
        served=served,
    )
    precisions = _search_precisions(exported, rules, config, display, costs)
    return MeasuredModel(
        graph=exported.graph,
        facts=_manifest_fields(exported, results, rules, precisions, prepared)
        | {
            "training": _training_info(selection, config, costs.budget.elapsed_s),
            "title": config.title,
            "backbone_choice": prepared.choice,
        },
        dataset=dataset,
        frozen_split=prepared.dataset.frozen(),
        given_splits=prepared.scan.folder.given_splits,
        probabilities=served,
        similar=None if config.no_similar else make_index(detector, prepared.scan.folder),
        results=results,
        precisions=precisions,
        metrics_file=_metrics_file(exported, results, selection.tried, prepared, precisions)
        | rules.tested,
    )


def _search_precisions(
    exported: ExportedModel,
    rules: AbstentionRules,
    config: FinetuneConfig,
    display: Display,
    costs: StageCosts,
) -> PrecisionSearch:
    model = Float32Model(
        detector=exported.detector,
        temperature=exported.temperature,
        rejection=rules.rejection,
        conformal=rules.conformal,
    )
    return search_precisions(
        config.precisions,
        model,
        display,
        seed=config.seed,
        time=costs.search_time(config.precisions, exported.candidate.dataset),
    )


def _manifest_fields(
    exported: ExportedModel,
    results: SplitResults,
    rules: AbstentionRules,
    precisions: PrecisionSearch,
    prepared: PreparedData,
) -> dict[str, Any]:
    dataset, backbone = exported.candidate.dataset, prepared.backbone
    return {
        "labels": dataset.labels,
        "preprocessing": backbone.spec,
        "backbone": backbone.info,
        "dataset": DatasetInfo(
            fingerprint=dataset.fingerprint(),
            counts=dataset.counts(),
            labels_file=prepared.scan.folder.labels_file,
        ),
        "outputs": exported.output_specs(backbone),
        "calibration": Calibration(temperature=exported.temperature),
        "rejection": rules.rejection,
        "metrics": results.metrics,
        "parity": exported.parity,
        "conformal": rules.conformal,
        "validation_answers": answer_shares(
            softmax(exported.candidate.out_of_fold().logits / exported.temperature, axis=1),
            dataset.labels,
            rules.rejection,
        ),
        "precisions_left_out": precisions.left_out,
    }


def _training_info(selection: Selection, config: FinetuneConfig, elapsed_s: float) -> TrainingInfo:
    return TrainingInfo(
        method=selection.chosen.method,
        seed=config.seed,
        config=config.record(),
        seconds=round(elapsed_s, 1),
        libraries=library_versions(),
        teacher=selection.of_teacher,
    )


def _metrics_file(
    exported: ExportedModel,
    results: SplitResults,
    tried: Sequence[Candidate],
    prepared: PreparedData,
    precisions: PrecisionSearch,
) -> dict[str, Any]:
    return {
        "precisions": precisions.outcomes,
        "metrics": results.metrics,
        "calibration": results.calibration,
        "parity": exported.parity,
        "confusion": {split: counts.tolist() for split, counts in results.confusion.items()},
        "candidates": [
            {
                "method": candidate.method,
                "val_accuracy": candidate.accuracy,
                "val_nll": candidate.nll,
                "history": [dataclasses.asdict(record) for record in candidate.history],
            }
            for candidate in tried
        ],
        "backbone_choice": prepared.choice,
        "audit": prepared.audit.to_json(),
        "left_out": [{"path": path, "reason": reason} for path, reason in prepared.skipped_files()],
    }
