"""From a published package to a classifier that may answer: verified, warmed, checked. Blocking."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from inference import Classifier, Package, SessionConfig, check_golden
from inference.manifest import Precision

AskedPrecision = Precision | Literal["auto"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelLoader:
    """How this service loads models: on what hardware, warmed for batches of up to `max_batch`."""

    session: SessionConfig
    max_batch: int

    def load(self, package: Package, precision: AskedPrecision = "auto") -> Classifier:
        """Load a package whose answers on its golden images are the published ones.

        Raises:
            PackageError: the package is damaged, has no such precision, or answers differently here.
            SessionError: ONNX Runtime cannot run the model.
        """
        classifier = Classifier.load(package, session=self.session, precision=precision)
        self._warm(classifier)
        check_golden(classifier, package.path)
        return classifier

    def _warm(self, classifier: Classifier) -> None:
        """Run every batch bucket once: memory is planned and kernels are chosen before a user waits."""
        height, width = classifier.manifest.crop_hw
        for size in batch_buckets(self.max_batch):
            classifier.run(np.zeros((size, height, width, 3), np.uint8))


def batch_buckets(max_batch: int) -> Iterator[int]:
    """Yield 1, 2, 4, … and `max_batch` itself."""
    size = 1
    while size < max_batch:
        yield size
        size *= 2
    yield max_batch
