"""The linear probe as a candidate: its C chosen on validation images, its head fitted on all it may see."""

import math
import time
from collections.abc import Callable

from training.candidates.candidate import Candidate
from training.candidates.horizontal_flip import embed_flipped, resolve_horizontal_flip
from training.config import FinetuneConfig
from training.data.class_weights import is_imbalanced
from training.data.split import Dataset
from training.networks.linear_head import LinearHead
from training.probing.features import Features
from training.probing.flipped_embeddings import FlippedEmbeddings
from training.probing.probe import C_GRID, Probe, cross_validate_probe, fit_probe
from training.probing.published_head import fit_published_head, head_images
from training.runtime.arrays import Floats
from training.runtime.progress import Display


def make_probe(
    features: Features,
    dataset: Dataset,
    config: FinetuneConfig,
    display: Display,
    *,
    horizontal_flip: bool | None = None,
    flipped: bool = True,
    spare_s: Callable[[], float] = lambda: math.inf,
) -> Candidate:
    """Fit a linear head on the trunk's embeddings.

    C is chosen on validation images. The head that is published is then fitted with it on all
    that it may see: validation images that were split off here and, where they keep their class,
    horizontally flipped images too: `horizontal_flip` says whether they do, and is found out where it is
    None. These are left out where `flipped` is false, or their features would take longer than
    `spare_s()`, in seconds.
    """
    began = time.monotonic()
    probe = search_probe(features, dataset, display)
    heads_s = time.monotonic() - began
    known = FlippedEmbeddings.none_yet(features, dataset.pixels, display)
    if horizontal_flip is None:
        horizontal_flip = resolve_horizontal_flip(features, probe.head, dataset, config, known)
    flips = None
    if horizontal_flip and flipped:
        flips = embed_flipped(features, dataset, display, spare_s=spare_s, known=known)
    del known  # as much memory as `flips`
    began = time.monotonic()
    head = fit_last_head(features, dataset, display, C=probe.chosen.C, flipped=flips)
    heads_s += time.monotonic() - began
    return Candidate(
        method="probe",
        dataset=dataset,
        exported=features.exported,
        head=head,
        start_head=probe.head,
        embeddings=features.embeddings,
        val_logits=probe.chosen.logits,
        accuracy=probe.chosen.accuracy,
        nll=probe.chosen.nll,
        spread=probe.chosen.spread,
        C=probe.chosen.C,
        horizontal_flip=horizontal_flip,
        history=(),
        notes=_describe_trials(probe, len(dataset.rows("train"))),
        heads_s=heads_s,
    )


def fit_last_head(
    features: Features,
    dataset: Dataset,
    display: Display,
    *,
    C: float,
    flipped: Floats | None,
) -> LinearHead:
    """Fit the head that is published on all images that it may see, and on the same images flipped.

    `flipped` is what `embed_flipped` returned for them, or None to leave these out.
    """
    rows, targets = head_images(dataset)
    with display.stage("fitting the head"):
        return fit_published_head(
            features.embeddings[rows],
            targets,
            C=C,
            balanced=is_imbalanced(dataset),
            flipped=flipped,
        )


def search_probe(
    features: Features, dataset: Dataset, display: Display, *, every_logits: bool = False
) -> Probe:
    """Fit heads with each C on the training images; the validation loss decides.

    `every_logits` is as in `fit_probe`.
    """
    with display.bar("fitting the head", len(C_GRID)) as advance:
        return _fit_probe(features, dataset, every_logits=every_logits, advance=advance)


def _fit_probe(
    features: Features, dataset: Dataset, *, every_logits: bool, advance: Callable[[int], None]
) -> Probe:
    balanced = is_imbalanced(dataset)
    embeddings, targets = features.embeddings[dataset.rows("train")], dataset.targets("train")
    if dataset.folds is not None:
        return cross_validate_probe(
            embeddings,
            targets,
            dataset.folds,
            balanced=balanced,
            every_logits=every_logits,
            advance=advance,
        )
    return fit_probe(
        embeddings,
        targets,
        features.embeddings[dataset.rows("val")],
        dataset.targets("val"),
        balanced=balanced,
        every_logits=every_logits,
        advance=advance,
    )


def _describe_trials(probe: Probe, num_images: int) -> tuple[str, ...]:
    notes = tuple(
        f"linear probe, C = {trial.C:.2g}: validation accuracy {100 * trial.accuracy:.1f} %, "
        f"loss {trial.nll:.3f}" + (" (kept)" if trial is probe.chosen else "")
        for trial in probe.trials
    )
    if probe.search_images < num_images:
        notes += (f"C was chosen with {probe.search_images:,} of {num_images:,} training images",)
    return notes
