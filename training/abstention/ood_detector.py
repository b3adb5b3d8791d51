"""The OOD detector of a candidate: its score, fitted, and the threshold below which it rejects."""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from inference.manifest import Rejection
from inference.measured import UnknownMeasure
from inference.similar import IndexedImage, SimilarIndex
from training.abstention.leave_class_out import LabelledEmbeddings, measure_leave_class_out
from training.candidates.candidate import Candidate
from training.config import FinetuneConfig
from training.data.folder import SPLITS, Folder, Split
from training.data.scan import Scan
from training.data.split import Dataset
from training.ood.reference_images import choose_reference_images
from training.ood.score import OodScore, fit_ood_score, held_out_cosines
from training.ood.threshold import fit_rejection, measure_unknown, split_unknown
from training.probing.embeddings import compute_embeddings
from training.runtime.arrays import Floats, Integers
from training.runtime.progress import Display

# Of the images that classes are left out of; more would cost minutes and tell little more.
_MAX_LEFT_OUT: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class OodDetector:
    """The OOD score of a candidate.

    Attributes:
        candidate: with embeddings of all images that are measured.
        reference: places (M,) in its training split of the reference images.
        ood_score: the score.
        val_scores: (N,) of the validation images, none of them its own neighbour.
        C: inverse L2 regularisation strength of the probe's head; None where there was no probe.
    """

    candidate: Candidate
    reference: Integers
    ood_score: OodScore
    val_scores: Floats
    C: float | None

    @property
    def counted_scores(self) -> Floats:
        """The scores (M,) of the validation images; each photo counts once."""
        return self.val_scores[self.candidate.dataset.counted("val")]


def fit_ood_detector(
    candidate: Candidate, config: FinetuneConfig, display: Display, *, C: float | None
) -> OodDetector:
    """Fit the score on the candidate's training and validation images; `C` as above."""
    dataset = candidate.dataset
    reference = choose_reference_images(dataset, seed=config.seed)
    rows, val_rows = dataset.rows("train")[reference], dataset.rows("val")
    embeddings = candidate.embeddings
    if embeddings is None:
        asked = np.unique(np.concatenate([rows, val_rows, dataset.rows("test")]))
        embeddings = _embed(candidate, asked, display)
    return fit_detector_on(replace(candidate, embeddings=embeddings), reference, C=C)


def fit_detector_on(candidate: Candidate, reference: Integers, *, C: float | None) -> OodDetector:
    """Fit the score on a candidate that has its embeddings; the arguments are as in `OodDetector`."""
    dataset, embeddings = candidate.dataset, candidate.embeddings
    assert embeddings is not None
    known = embeddings[dataset.rows("train")[reference]]
    targets = dataset.targets("train")[reference]
    cosines = candidate.val_cosines
    if cosines is None:
        cosines = held_out_cosines(
            known,
            targets,
            embeddings[dataset.rows("val")],
            folds=None if dataset.folds is None else dataset.folds[reference],
            val_folds=dataset.val_folds,
        )
    ood_score, val_scores = fit_ood_score(
        known, targets, val_logits=candidate.val_logits, val_cosines=cosines
    )
    return OodDetector(
        candidate=candidate,
        reference=reference,
        ood_score=ood_score,
        val_scores=val_scores,
        C=C,
    )


def choose_rejection(
    detector: OodDetector,
    unknown_images: Scan,
    pretrained: Floats | None,
    display: Display,
    *,
    seed: int,
) -> Rejection:
    """Choose the threshold, and measure the score on images of `_unknown` or on classes left out.

    Args:
        detector: the model and its score.
        unknown_images: the images of `_unknown`, perhaps none.
        pretrained: (N, D) embeddings by the pretrained backbone; None where training began from
            random weights.
        display: shows what is done.
        seed: of the choice of images.
    """
    unknown = _unknown_scores(detector, unknown_images, display)
    if unknown is None:
        with display.stage("leave-class-out evaluation"):
            measured = _measure_leave_class_out(detector, pretrained, seed=seed)
        return fit_rejection(detector.ood_score, detector.counted_scores, measured=measured)
    tune, test = split_unknown(unknown)
    known = score_test_images(detector)
    return fit_rejection(
        detector.ood_score,
        detector.counted_scores,
        tune=tune,
        measured=measure_unknown(
            "unknown images",
            known=detector.counted_scores if known is None else known,
            unknown=test,
        ),
    )


def make_index(detector: OodDetector, folder: Folder) -> SimilarIndex:
    """Return the index of the reference images that goes into the package."""
    candidate = detector.candidate
    assert candidate.embeddings is not None
    images = [candidate.dataset.splits["train"][place] for place in detector.reference]
    return SimilarIndex.build(
        candidate.embeddings[[image.row for image in images]],
        [IndexedImage(path=folder.relative(i.file), label=i.file.label) for i in images],
    )


def score_test_images(detector: OodDetector) -> Floats | None:
    """Return the OOD scores of the test images, (N,), each photo once; None where there are none."""
    candidate = detector.candidate
    rows = candidate.dataset.rows("test")[candidate.dataset.counted("test")]
    assert candidate.embeddings is not None
    return _scores(detector, candidate.embeddings[rows]) if len(rows) else None


def _scores(detector: OodDetector, embeddings: Floats) -> Floats:
    logits = detector.candidate.head.logits(embeddings)
    return detector.ood_score.score(logits, embeddings)


def _embed(candidate: Candidate, rows: Integers, display: Display) -> Floats:
    """Return (N, D) by `ScannedImage.row`, computed for `rows` (M,) and NaN for others."""
    with display.bar("computing features", len(rows)) as advance:
        found = compute_embeddings(candidate.trunk, candidate.dataset.pixels, rows, advance=advance)
    embeddings = np.full((len(candidate.dataset.pixels), found.shape[1]), np.nan, dtype=np.float32)
    embeddings[rows] = found
    return embeddings


def _unknown_scores(detector: OodDetector, scan: Scan, display: Display) -> Floats | None:
    """Return the scores (M,) of the images of `_unknown`, by content hash, or None without any."""
    if not scan.images:
        return None
    # By their hash, so that each half of them is a mixture whatever their names.
    rows = np.array([i.row for i in sorted(scan.images, key=lambda i: i.sha256)], dtype=np.int64)
    trunk = detector.candidate.trunk
    with display.bar("computing features of _unknown", len(rows)) as advance:
        embeddings = compute_embeddings(trunk, scan.evaluation, rows, advance=advance)
    return _scores(detector, embeddings)


def _measure_leave_class_out(
    detector: OodDetector, embeddings: Floats | None, *, seed: int
) -> UnknownMeasure | None:
    """Measure on the pretrained backbone's embeddings of this candidate's images."""
    C = detector.C
    if embeddings is None or C is None:
        return None
    dataset = detector.candidate.dataset
    held = dataset if dataset.folds is None else dataset.hold_out(0)
    train, val, test = (_labelled(held, split, embeddings, seed=seed) for split in SPLITS)
    return measure_leave_class_out(train, val, test if len(test.targets) else val, C=C)


def _labelled(
    dataset: Dataset, split: Split, embeddings: Floats, *, seed: int
) -> LabelledEmbeddings:
    places = choose_reference_images(dataset, seed=seed, split=split, at_most=_MAX_LEFT_OUT)
    rows = dataset.rows(split)[places]
    return LabelledEmbeddings(embeddings=embeddings[rows], targets=dataset.targets(split)[places])
