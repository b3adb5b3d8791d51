"""From a published package to a classifier that may answer: verified, warmed, checked. Blocking."""

import dataclasses
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Final

import numpy as np

from inference import Classifier, Package, SessionConfig, check_golden
from inference.precision import AskedPrecision, choose_precision
from inference.session import expects_gpu
from inference.trial import Trials
from service.engine.background import run_in_background
from service.engine.tuning import LoadedModel, Tuner, batch_buckets

# Those of a ResNet-18, a MobileNet or a small EfficientNet: 64 MB in float32.
_SMALL_PARAMS: Final = 16_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelLoader:
    """How this service loads models.

    Attributes:
        session: on what hardware.
        tuner: measures how they run best.
        trials: where they are tried before; None does not.
        trial_threads: for one batch there.
    """

    session: SessionConfig
    tuner: Tuner
    trials: Trials | None = None
    trial_threads: int = 1

    def try_out(self, package: Package, precision: AskedPrecision = "auto") -> None:
        """Try a package that this process has not loaded in another one, which can be given up.

        Raises:
            PackageError: it must not be loaded here.
        """
        on_gpu = expects_gpu(self.session)
        chosen = choose_precision(precision, package.manifest.files or {}, on_gpu=on_gpu)
        package.model_size(chosen)
        if self.trials is not None:
            self.trials.run(
                package,
                chosen,
                max_batch=self.session.max_batch,
                threads=self.trial_threads,
                same_answers=not on_gpu,
            )

    def load(self, package: Package, precision: AskedPrecision = "auto") -> LoadedModel:
        """Load a package whose answers on its golden images are the published ones.

        Raises:
            PackageError: the package is damaged, has no such precision, or answers differently here.
            SessionError: ONNX Runtime cannot run the model.
        """

        def open_model(intra_op_threads: int) -> Classifier:
            session = dataclasses.replace(self.session, intra_op_threads=intra_op_threads)
            return Classifier.load(package, session=session, precision=precision)

        loaded = self.tuner.tune(
            _kind(package, precision),
            open_model,
            is_small=package.manifest.backbone.num_params <= _SMALL_PARAMS,
        )
        # Not where the session was opened: threads of its own would then be held back for good.
        run_in_background(lambda: _prove(loaded, package))
        return loaded


def _kind(package: Package, precision: AskedPrecision) -> Hashable:
    """Return what is equal for models that run alike: the labels and weights make no difference."""
    manifest = package.manifest
    backbone = manifest.backbone
    files = frozenset(manifest.files or {})  # "auto" may be another one of them
    return backbone.name, backbone.num_params, manifest.crop_hw, precision, files


def _prove(loaded: LoadedModel, package: Package) -> None:
    _warm(loaded.classifier, loaded.tuning.max_batch)
    check_golden(loaded.classifier, package.path)
    if loaded.for_lone_image is not None:
        _warm(loaded.for_lone_image, 1)


def _warm(classifier: Classifier, max_batch: int) -> None:
    """Run every batch bucket once: memory is planned and kernels are chosen before a user waits."""
    height, width = classifier.manifest.crop_hw
    for size in batch_buckets(max_batch):
        classifier.run(np.zeros((size, height, width, 3), np.uint8))
