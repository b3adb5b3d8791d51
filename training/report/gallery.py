"""The images worth looking at: the most confident mistakes, and the least confident predictions."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from inference.classifier import Classifier
from inference.similar import SimilarIndex
from training.assessment.labelled_predictions import LabelledPredictions
from training.pages.activation_map import heat_url
from training.pages.thumbnails import photo_url
from training.pages.tile import Tile
from training.runtime.arrays import Floats, Pixels

_MOST_IMAGES: Final = 12

# Gives the (H, W, 3) uint8 image that the model saw, by its place among the answers.
PixelsOf = Callable[[int], Pixels]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownPrediction:
    """One image with what was predicted for it.

    Attributes:
        tile: the image; its `heat` is None where the model has no activation map, or none for this
            prediction.
        truth, answer, confidence: its class, the predicted one, and the probability of that.
        suspect: whether the audit found a possible label error.
        nearest: path of the training image that is most like it, or None where there is no index of them.
    """

    tile: Tile
    truth: str
    answer: str
    confidence: float
    suspect: bool
    nearest: str | None

    @property
    def right(self) -> bool:
        """Whether the answer is the truth."""
        return self.truth == self.answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Gallery:
    """The surest mistakes first, and the least sure answers first (no mistake is shown twice)."""

    mistakes: Sequence[ShownPrediction]
    unsure: Sequence[ShownPrediction]


def make_gallery(
    answers: LabelledPredictions,
    classifier: Classifier,
    pixels_of: PixelsOf,
    *,
    suspects: Collection[str] = (),
    similar: SimilarIndex | None = None,
) -> Gallery:
    """Choose the images and have the published file draw its activation maps.

    Args:
        answers: the predictions.
        classifier: the published file.
        pixels_of: what the model saw.
        suspects: paths that are possible label errors.
        similar: the training images, to name the nearest.
    """
    mistakes = _worst_mistakes(answers)
    unsure = _least_sure(answers, besides=mistakes)
    tiles = _tiles(
        answers,
        [*mistakes, *unsure],
        classifier,
        pixels_of,
        suspects=suspects,
        similar=similar,
    )
    return Gallery(mistakes=tiles[: len(mistakes)], unsure=tiles[len(mistakes) :])


def _worst_mistakes(answers: LabelledPredictions) -> list[int]:
    wrong = np.flatnonzero(~answers.right)
    order = np.argsort(-answers.confidence[wrong], kind="stable")
    return [int(i) for i in wrong[order][:_MOST_IMAGES]]


def _least_sure(answers: LabelledPredictions, *, besides: Collection[int]) -> list[int]:
    order = np.argsort(answers.confidence, kind="stable").tolist()
    return [i for i in order if i not in besides][:_MOST_IMAGES]


def _tiles(
    answers: LabelledPredictions,
    chosen: Sequence[int],
    classifier: Classifier,
    pixels_of: PixelsOf,
    *,
    suspects: Collection[str],
    similar: SimilarIndex | None,
) -> list[ShownPrediction]:
    pixels = [pixels_of(index) for index in chosen]
    predictions = classifier.interpret(classifier.run(np.stack(pixels), activation_map=True))
    tiles = []
    for index, image, prediction in zip(chosen, pixels, predictions, strict=True):
        answer = answers.labels[answers.guesses[index]]
        heat = prediction.activation_map
        # A cross-validated answer is that of another head: this file's map may be of another class.
        explained = heat is not None and prediction.label == answer
        tiles.append(
            ShownPrediction(
                tile=Tile(
                    photo=photo_url(image),
                    heat=heat_url(image, heat) if heat is not None and explained else None,
                    path=answers.paths[index],
                ),
                truth=answers.labels[answers.targets[index]],
                answer=answer,
                confidence=float(answers.confidence[index]),
                suspect=answers.paths[index] in suspects,
                nearest=_nearest(similar, prediction.embedding, answers.paths[index]),
            )
        )
    return tiles


def _nearest(similar: SimilarIndex | None, embedding: Floats, path: str) -> str | None:
    """Return the path of the nearest training image, the image itself aside (with folds it is one)."""
    found = [] if similar is None else similar.nearest(embedding, 2)
    return next((other.image.path for other in found if other.image.path != path), None)
