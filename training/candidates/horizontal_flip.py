"""Whether flipped photos keep their class and so may be trained on, and their embeddings."""

from collections.abc import Callable
from typing import Final

from training.config import FinetuneConfig
from training.data.split import Dataset
from training.networks.linear_head import LinearHead
from training.probing.features import Features
from training.probing.flipped_embeddings import FlippedEmbeddings
from training.probing.published_head import head_images
from training.runtime.arrays import Floats
from training.runtime.progress import Display

# Accuracy, 0..1, that flipping may cost before labels are taken to depend on the side.
_MIRROR_DROP: Final = 0.05


def resolve_horizontal_flip(
    features: Features,
    head: LinearHead,
    dataset: Dataset,
    config: FinetuneConfig,
    flipped: FlippedEmbeddings,
) -> bool:
    """Return what the options say, or what validation images show where these leave it open."""
    if config.horizontal_flip != "auto":
        return config.horizontal_flip == "yes"
    safe = flip_keeps_class(features, head, dataset, flipped)
    flipped.display.line(f"horizontal flip: {'on' if safe else 'off'}")
    return safe


def flip_keeps_class(
    features: Features, head: LinearHead, dataset: Dataset, flipped: FlippedEmbeddings
) -> bool:
    """Return whether flipped images keep their class, by a head that has seen none of them.

    A mirrored shirt is a shirt; a mirrored digit is another sign. A drop beyond noise shows that the
    labels depend on the side.
    """
    rows, targets = dataset.rows("val"), dataset.targets("val")
    plain = head.logits(features.embeddings[rows]).argmax(axis=1) == targets
    turned = head.logits(flipped.of(rows)).argmax(axis=1) == targets
    return float(plain.mean() - turned.mean()) <= _MIRROR_DROP


def embed_flipped(
    features: Features,
    dataset: Dataset,
    display: Display,
    *,
    spare_s: Callable[[], float],
    known: FlippedEmbeddings | None = None,
) -> Floats | None:
    """Return the embeddings of the images that the published head may see, flipped: (M, D).

    Those that are `known` are not computed again. None where the others would take longer than
    `spare_s()`, in seconds.
    """
    rows, _ = head_images(dataset)
    flipped = known or FlippedEmbeddings.none_yet(features, dataset.pixels, display)
    if flipped.seconds_of(rows) > spare_s():
        display.line(
            "horizontal flip: left out after all, for within the time budget no time is left for "
            "flipped images"
        )
        return None
    return flipped.of(rows)
