"""A published version and the new model on the same images, which neither of them was fitted on."""

from dataclasses import dataclass

import numpy as np

from inference.decoding import DecodeLimits
from inference.loading import open_classifier
from inference.package import Package
from inference.session import SessionConfig
from training.assessment.comparison import Difference, compare_all
from training.assessment.file_predictions import predict_files
from training.data.folder import Split
from training.data.training_hashes import training_hashes
from training.run.measure import MeasuredModel
from training.runtime.progress import Display


@dataclass(frozen=True, slots=True, kw_only=True)
class SideBySide:
    """The version that answers and the new one on the same images, which neither has been fitted on."""

    images: int
    before: float
    now: float
    difference: Difference

    @property
    def worse(self) -> bool:
        """Whether the new one is worse, and its interval does not reach up to the other."""
        return self.difference.interval is not None and self.difference.interval[1] < 0

    def describe(self) -> str:
        """Return the figures of both."""
        return (
            f"accuracy {100 * self.before:.1f} % on the same {self.images:,} images, the new one "
            f"{100 * self.now:.1f} %: {self.difference.describe()}"
        )


def put_side_by_side(
    package: Package, measured: MeasuredModel, limits: DecodeLimits, display: Display
) -> SideBySide | None:
    """Run the version that answers on the images that the headline is of, but for those it has learned.

    None where these are fewer than half: of the others only the recorded figures can be compared.
    """
    results, dataset = measured.results, measured.dataset
    split: Split = "test" if "test" in results.counted else "val"
    images = [dataset.splits[split][index] for index in results.counted[split]]
    seen = training_hashes(package.path) or frozenset()
    places = [place for place, image in enumerate(images) if image.sha256 not in seen]
    if 2 * len(places) < len(images):
        return None
    classifier = open_classifier(package.path, session=SessionConfig(provider="cpu"))
    with display.bar(f"version {package.manifest.version} predicts", len(places)) as advance:
        answered = predict_files(
            classifier, [images[p].file for p in places], limits=limits, advance=advance
        )
    place_of = {images[place].file: place for place in places}
    kept = [place_of[file] for file in answered.files]  # a file may be gone by now
    if not kept:
        return None
    names = [package.manifest.labels[guess] for guess in answered.probabilities.argmax(axis=1)]
    truths = [file.label for file in answered.files]
    before = np.array([name == truth for name, truth in zip(names, truths, strict=True)])
    guesses = results.probabilities[split].argmax(axis=1)[kept]
    now = np.array([dataset.labels[g] == t for g, t in zip(guesses, truths, strict=True)])
    (difference,) = compare_all([before, now])
    return SideBySide(images=len(kept), before=before.mean(), now=now.mean(), difference=difference)
