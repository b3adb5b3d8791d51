"""From a published package to a classifier that may answer: verified, warmed, checked. Blocking."""

import dataclasses
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from inference import (
    Classifier,
    Package,
    PackageError,
    SessionConfig,
    SessionError,
    check_golden,
)
from inference.manifest import Precision
from inference.precision import AskedPrecision, choose_precision
from inference.precision_choice import (
    choose_without_bf16,
    may_measure_bf16,
    measure_bf16,
    memory_too_small_for_bf16,
    why_bf16,
)
from inference.providers import OPENVINO
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
        _without_bf16: why the files with these sha256 are not to be run in it: memory, or their trial failed.
        _faster_in_bf16: the kinds of models that were measured to be, and by how much.
    """

    session: SessionConfig
    tuner: Tuner
    trials: Trials | None = None
    trial_threads: int = 1
    _without_bf16: dict[str, str] = field(default_factory=dict)
    _faster_in_bf16: dict[Hashable, str] = field(default_factory=dict)

    def try_out(self, package: Package, precision: AskedPrecision = "auto") -> None:
        """Try a package that this process has not loaded in another one, which can be given up.

        Raises:
            PackageError: it must not be loaded here.
        """
        usual = self._usual(package, precision)
        self._try(package, usual)
        if not may_measure_bf16(package, self.session, precision):
            return
        too_small = memory_too_small_for_bf16(package)
        if too_small is not None:
            self._without_bf16[_sha256(package)] = too_small
            return
        others: tuple[Precision, ...] = ("fp32", "bf16")
        try:
            for other in others:
                if other != usual:
                    self._try(package, other)
        except PackageError as err:  # the usual one will do
            self._without_bf16[_sha256(package)] = str(err)

    def load(self, package: Package, precision: AskedPrecision = "auto") -> LoadedModel:
        """Load a package whose answers on its golden images are the published ones.

        Raises:
            PackageError: the package is damaged, has no such precision, or answers differently here.
            SessionError: the model cannot be run.
        """
        if not may_measure_bf16(package, self.session, precision):
            return self._load(package, precision)
        problem = self._without_bf16.pop(_sha256(package), None)
        if problem is None:
            is_faster, finding = self._is_faster_in_bf16(package)
            problem = finding
            if is_faster:
                try:
                    return self._load(
                        package, "bf16", reason=why_bf16(package, self.session, finding)
                    )
                except (PackageError, SessionError) as err:
                    problem = str(err)
        choice = choose_without_bf16(package, self.session, problem)
        return self._load(package, choice.precision, reason=choice.reason)

    def _is_faster_in_bf16(self, package: Package) -> tuple[bool, str]:
        """Return whether a package is, and a sentence; one like it that was measured to be answers too."""
        kind = _kind(package, "bf16")
        if kind not in self._faster_in_bf16:
            one_thread = dataclasses.replace(self.session, intra_op_threads=1)
            measured = measure_bf16(package, one_thread)
            if (
                measured.session is None
            ):  # the next one is measured again: the machine may have been busy
                return False, measured.finding
            self._faster_in_bf16[kind] = measured.finding
        return True, self._faster_in_bf16[kind]

    def _usual(self, package: Package, precision: AskedPrecision) -> Precision:
        """Return what is asked for, or what "auto" takes unless it is bf16."""
        if precision != "auto":
            return precision
        if expects_gpu(self.session):
            return choose_precision("auto", package.manifest.files or {}, on_gpu=True)
        return choose_without_bf16(package, self.session, None).precision

    def _try(self, package: Package, precision: Precision) -> None:
        package.model_size(precision)
        if self.trials is not None:
            self.trials.run(
                package,
                precision,
                max_batch=self.session.max_batch,
                threads=self.trial_threads,
                provider=OPENVINO if self.session.provider == OPENVINO else "cpu",
                same_answers=not expects_gpu(self.session),
            )

    def _load(
        self, package: Package, precision: AskedPrecision, *, reason: str | None = None
    ) -> LoadedModel:
        def open_model(intra_op_threads: int) -> Classifier:
            session = dataclasses.replace(self.session, intra_op_threads=intra_op_threads)
            opened = Classifier.load(package, session=session, precision=precision)
            return (
                opened if reason is None else dataclasses.replace(opened, precision_reason=reason)
            )

        loaded = self.tuner.tune(
            _kind(package, precision),
            open_model,
            is_small=package.manifest.backbone.num_params <= _SMALL_PARAMS,
        )
        # Not where the session was opened: threads of its own would then be held back for good.
        run_in_background(lambda: _prove(loaded, package))
        return loaded


def _sha256(package: Package) -> str:
    return (package.manifest.files or {})["fp32"].sha256


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
