"""The head of a converted trunk, fitted on that trunk's own embeddings.

A quantised trunk turns and shifts the embeddings a little. A head fitted on the float32 ones takes that
for evidence; one fitted on what it will see does not.
"""

from dataclasses import replace

import numpy as np
import onnx

from training.abstention.ood_detector import OodDetector, fit_detector_on
from training.assessment.calibration import fit_temperature
from training.assessment.nll import negative_log_likelihood
from training.candidates.candidate import Candidate
from training.data.class_weights import is_imbalanced
from training.data.split import Dataset
from training.networks.linear_head import LinearHead
from training.probing.embeddings import compute_embeddings
from training.probing.probe import fit_head
from training.probing.published_head import fit_published_head, head_images
from training.runtime.arrays import Floats


def refit_head(detector: OodDetector, trunk: onnx.ModelProto) -> OodDetector | None:
    """Return the model with another trunk, and with a head and an OOD score fitted on it.

    They are fitted with the C, on the images and by the folds of the float32 model's. None where
    that one's head came out of training: no C was chosen for it.

    Raises:
        WeightsError: the trunk answers with NaN or infinity.
    """
    candidate = detector.candidate
    C = candidate.C
    if C is None:
        return None
    dataset = candidate.dataset
    rows = np.unique(np.concatenate([dataset.rows("train"), dataset.rows("val")]))
    found = compute_embeddings(trunk, dataset.pixels, rows)
    embeddings = np.full((len(dataset.pixels), found.shape[1]), np.nan, dtype=np.float32)
    embeddings[rows] = found
    logits = _held_out_logits(candidate, embeddings, C)
    targets = dataset.targets("val")
    refitted = replace(
        candidate,
        exported=replace(candidate.exported, graph=trunk),
        head=_published_head(candidate, trunk, embeddings, C),
        embeddings=embeddings,
        val_logits=logits,
        accuracy=float((logits.argmax(axis=1) == targets).mean()),
        nll=negative_log_likelihood(logits, targets, temperature=fit_temperature(logits, targets)),
    )
    return fit_detector_on(refitted, detector.reference, C=detector.C)


def _held_out_logits(candidate: Candidate, embeddings: Floats, C: float) -> Floats:
    """Return the validation images' logits (N, K), each of a head that had not seen the image.

    The trunk of a mean of networks has seen them. So what the other trunk changes is added to the
    answers of networks that had not; where there are no such networks that is the same.
    """
    assert candidate.embeddings is not None
    before = _logits_by(candidate.embeddings, candidate.dataset, C)
    after = _logits_by(embeddings, candidate.dataset, C)
    return candidate.val_logits + (after - before)


def _logits_by(embeddings: Floats, dataset: Dataset, C: float) -> Floats:
    balanced = is_imbalanced(dataset)
    train, targets = embeddings[dataset.rows("train")], dataset.targets("train")
    val = embeddings[dataset.rows("val")]
    val_folds = dataset.val_folds
    if val_folds is None:
        return fit_head(train, targets, C=C, balanced=balanced).logits(val)
    logits = np.empty((len(val), len(dataset.labels)), dtype=np.float32)
    for fold in np.unique(val_folds):
        others, out = dataset.folds != fold, val_folds == fold
        head = fit_head(train[others], targets[others], C=C, balanced=balanced)
        logits[out] = head.logits(val[out])
    return logits


def _published_head(
    candidate: Candidate, trunk: onnx.ModelProto, embeddings: Floats, C: float
) -> LinearHead:
    dataset = candidate.dataset
    rows, targets = head_images(dataset)
    flipped = (
        compute_embeddings(trunk, dataset.pixels, rows, flipped=True)
        if candidate.horizontal_flip
        else None
    )
    return fit_published_head(
        embeddings[rows],
        targets,
        C=C,
        balanced=is_imbalanced(dataset),
        flipped=flipped,
    )
