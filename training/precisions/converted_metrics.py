"""What a precision that passed its gates is published with: its own metrics and rules."""

import onnx
from scipy.special import softmax

from inference.manifest import Calibration
from inference.measured import Metrics
from inference.session import SessionConfig, open_session
from training.assessment.classification_metrics import measure
from training.data.folder import Split
from training.export.parity import run_batches
from training.precisions.converted_model import ConvertedModel
from training.precisions.outcome import ConvertedFile, PrecisionOutcome
from training.runtime.arrays import Floats


def measure_variant(
    outcome: PrecisionOutcome,
    model: onnx.ModelProto,
    converted: ConvertedModel,
    calibration: Calibration,
    config: SessionConfig,
) -> ConvertedFile:
    """Measure a file, on the test images too, and choose its thresholds.

    Args:
        attempt: how it was found good.
        model: the file.
        draft: the same with another temperature, and its answers for the validation images.
        calibration: the file's temperature.
        config: what the file runs on.
    """
    predictions, candidate = converted.predictions, converted.predictions.reference.candidate
    dataset = candidate.dataset
    served: dict[Split, Floats] = {"val": converted.served_logits}
    rows = dataset.rows("test")
    if len(rows):
        session = open_session(model.SerializeToString(), config, precision=outcome.precision)
        served["test"] = run_batches(session, dataset.pixels, rows).logits
    by_split = {**served, "val": predictions.logits}
    counted = {split: dataset.counted(split) for split in by_split}
    found = {
        split: measure(
            softmax(logits[counted[split]] / calibration.temperature, axis=1),
            dataset.targets(split)[counted[split]],
            dataset.labels,
        )
        for split, logits in by_split.items()
    }
    return ConvertedFile(
        outcome=outcome,
        model=model,
        facts={
            "precision": outcome.precision,
            "calibration": calibration,
            "rejection": predictions.rejection(),
            "conformal": predictions.conformal(calibration),
            "metrics": Metrics(
                validation="cross-validated" if candidate.cross_validated else "held out",
                val_accuracy_spread=None,
                val=found["val"],
                test=found.get("test"),
            ),
            "parity": predictions.parity,
        },
        probabilities={
            split: softmax(logits / calibration.temperature, axis=1)
            for split, logits in served.items()
        },
        session=config,
    )
