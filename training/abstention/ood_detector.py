"""What a model knows its images by: from a candidate to its familiarity score and rejection rule."""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from inference.manifest import Rejection, UnknownMeasure
from inference.similar import IndexedImage, SimilarIndex
from training.abstention.leave_class_out import Labelled, measure_left_out
from training.candidates.candidate import Candidate
from training.config import FinetuneConfig
from training.data.layout import SPLITS, Folder, Split
from training.data.scan import Scan
from training.data.split import Dataset
from training.ood.reference_images import choose_reference
from training.ood.score import Familiarity, fit_familiarity, held_out_cosines
from training.ood.threshold import fit_rejection, measure_unknown, split_unknown
from training.probing.embeddings import compute_embeddings
from training.runtime.progress import Display

Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]

# Of the images that classes are left out of; more would cost minutes and tell little more.
_MAX_LEFT_OUT: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognition:
    """The familiarity score of a candidate.

    Attributes:
        candidate: with embeddings of all images that are measured.
        reference: places (M,) in its training split of the images that others are held against.
        familiarity: the score.
        val_scores: (N,) of the validation images, none of them its own neighbour.
        strength: inverse L2 strength of the probe's head; None where there was no probe.
    """

    candidate: Candidate
    reference: Integers
    familiarity: Familiarity
    val_scores: Floats
    strength: float | None


def recognise(
    candidate: Candidate, config: FinetuneConfig, display: Display, *, strength: float | None
) -> Recognition:
    """Fit the score on the candidate's training and validation images; `strength` as above."""
    dataset = candidate.dataset
    reference = choose_reference(dataset, seed=config.seed)
    rows, val_rows = dataset.rows("train")[reference], dataset.rows("val")
    embeddings = candidate.embeddings
    if embeddings is None:
        asked = np.unique(np.concatenate([rows, val_rows, dataset.rows("test")]))
        embeddings = _embed(candidate, asked, display)
    return recognise_by(replace(candidate, embeddings=embeddings), reference, strength=strength)


def recognise_by(
    candidate: Candidate, reference: Integers, *, strength: float | None
) -> Recognition:
    """Fit the score on a candidate that has its embeddings; the arguments are as in `Recognition`."""
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
    familiarity, val_scores = fit_familiarity(
        known, targets, val_logits=candidate.val_logits, val_cosines=cosines
    )
    return Recognition(
        candidate=candidate,
        reference=reference,
        familiarity=familiarity,
        val_scores=val_scores,
        strength=strength,
    )


def make_rejection(
    recognition: Recognition,
    unknown_images: Scan,
    pretrained: Floats | None,
    display: Display,
    *,
    seed: int,
) -> Rejection:
    """Choose the threshold, and measure the score on images of `_unknown` or on classes left out.

    Args:
        recognition: the model and its score.
        unknown_images: the images of `_unknown`, perhaps none.
        pretrained: (N, D) embeddings by the pretrained backbone; None where training began from
            random weights.
        display: is told what is done.
        seed: of the choice of images.
    """
    unknown = _unknown_scores(recognition, unknown_images, display)
    if unknown is None:
        with display.stage("leaving classes out in turn"):
            measured = _measure_left_out(recognition, pretrained, seed=seed)
        return fit_rejection(recognition.familiarity, recognition.val_scores, measured=measured)
    tune, test = split_unknown(unknown)
    known = familiarity_of_test(recognition)
    return fit_rejection(
        recognition.familiarity,
        recognition.val_scores,
        tune=tune,
        measured=measure_unknown(
            "unknown images",
            known=recognition.val_scores if known is None else known,
            unknown=test,
        ),
    )


def make_index(recognition: Recognition, folder: Folder) -> SimilarIndex:
    """Return the index of the reference images that goes into the package."""
    candidate = recognition.candidate
    assert candidate.embeddings is not None
    images = [candidate.dataset.splits["train"][place] for place in recognition.reference]
    return SimilarIndex.build(
        candidate.embeddings[[image.row for image in images]],
        [IndexedImage(path=folder.relative(i.file), label=i.file.label) for i in images],
    )


def familiarity_of_test(recognition: Recognition) -> Floats | None:
    """Return the familiarity of the test images, (N,), or None where there are none."""
    candidate = recognition.candidate
    rows = candidate.dataset.rows("test")
    assert candidate.embeddings is not None
    return _scores(recognition, candidate.embeddings[rows]) if len(rows) else None


def _scores(recognition: Recognition, embeddings: Floats) -> Floats:
    logits = recognition.candidate.network.linear_head().logits(embeddings)
    return recognition.familiarity.score(logits, embeddings)


def _embed(candidate: Candidate, rows: Integers, display: Display) -> Floats:
    """Return (N, D) by `ScannedImage.row`, computed for `rows` (M,) and NaN for others."""
    with display.bar("computing features", len(rows)) as advance:
        found = compute_embeddings(candidate.trunk, candidate.dataset.pixels, rows, advance=advance)
    embeddings = np.full((len(candidate.dataset.pixels), found.shape[1]), np.nan, dtype=np.float32)
    embeddings[rows] = found
    return embeddings


def _unknown_scores(recognition: Recognition, scan: Scan, display: Display) -> Floats | None:
    """Return the scores (M,) of the images of `_unknown`, by content hash, or None without any."""
    if not scan.images:
        return None
    # By their hash, so that each half of them is a mixture whatever their names.
    rows = np.array([i.row for i in sorted(scan.images, key=lambda i: i.sha256)], dtype=np.int64)
    trunk = recognition.candidate.trunk
    with display.bar("computing features of _unknown", len(rows)) as advance:
        embeddings = compute_embeddings(trunk, scan.evaluation, rows, advance=advance)
    return _scores(recognition, embeddings)


def _measure_left_out(
    recognition: Recognition, embeddings: Floats | None, *, seed: int
) -> UnknownMeasure | None:
    """Measure on the pretrained backbone's embeddings of this candidate's images."""
    strength = recognition.strength
    if embeddings is None or strength is None:
        return None
    dataset = recognition.candidate.dataset
    held = dataset if dataset.folds is None else dataset.hold_out(0)
    train, val, test = (_labelled(held, split, embeddings, seed=seed) for split in SPLITS)
    return measure_left_out(train, val, test if len(test.targets) else val, strength=strength)


def _labelled(dataset: Dataset, split: Split, embeddings: Floats, *, seed: int) -> Labelled:
    places = choose_reference(dataset, seed=seed, split=split, at_most=_MAX_LEFT_OUT)
    rows = dataset.rows(split)[places]
    return Labelled(embeddings=embeddings[rows], targets=dataset.targets(split)[places])
