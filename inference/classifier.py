"""A published model that answers: pixels in, labelled predictions out. Synchronous, keeps no queue.

Safe to call from several threads.
"""

import dataclasses
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, overload

import numpy as np
import numpy.typing as npt

from inference.answers import check_answers, softmax
from inference.batch_buffers import Pixels
from inference.conformal import label_sets
from inference.decoding import DEFAULT_LIMITS, DecodeLimits
from inference.errors import InvalidManifest, PackageError, SessionError
from inference.files import why_unreadable
from inference.image_file import read_image_file
from inference.manifest import METADATA_KEY, MODEL_FILES, Manifest, Precision, parse_manifest
from inference.package import Package
from inference.precision import AskedPrecision
from inference.precision_choice import ASKED_FOR, open_chosen
from inference.preprocessing import PreparedImage, prepare_image
from inference.rejection import (
    FAMILIARITY,
    needs_output,
    rejection_reason,
    rejection_scores,
)
from inference.session import (
    INPUT_NAME,
    ModelSession,
    SessionConfig,
    open_session,
    why_never_run,
)

Floats = npt.NDArray[np.float32]
# An image file by its path, or its bytes.
ImageSource = bytes | str | os.PathLike[str]

_IMAGES: Final = ((INPUT_NAME, "tensor(uint8)", 4),)
_ALWAYS_THERE: Final = ("logits", "probabilities", "embedding")


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchOutputs:
    """What the graph gives for N images, all float32.

    Attributes:
        logits: (N, K).
        probabilities: (N, K), softmax with the fitted temperature.
        embedding: (N, D), what the head sees.
        activation_map: (N, h, w), class activation map of the top class, unscaled; None where it was
            not asked for or the model has none.
        familiarity: (N,), how much each looks like the training images; None where the model does
            not say.
    """

    logits: Floats
    probabilities: Floats
    embedding: Floats
    activation_map: Floats | None = None
    familiarity: Floats | None = None

    def __len__(self) -> int:
        return len(self.logits)

    def rows(self, start: int, stop: int) -> "BatchOutputs":
        """Return the outputs of images `start` to `stop`."""
        maps, familiarity = self.activation_map, self.familiarity
        return BatchOutputs(
            logits=self.logits[start:stop],
            probabilities=self.probabilities[start:stop],
            embedding=self.embedding[start:stop],
            activation_map=None if maps is None else maps[start:stop],
            familiarity=None if familiarity is None else familiarity[start:stop],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelProbability:
    """A label and its calibrated probability, 0..1."""

    label: str
    probability: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """The answer for one image.

    Attributes:
        label, probability: the most probable class and its calibrated probability, 0..1.
        rejected_reason: why the image is rejected, as unlike the training data; the label is still
            given. None where it is not rejected.
        label_set: the labels among which the true one is with the promised chance, most probable
            first; None where the model was published without `--coverage`.
        top: the most probable classes in descending order, as many as were asked for.
        embedding: (D,) float32.
        activation_map: (h, w) float32 in 0..1, how much each place spoke for `label`; None where
            there is none.
        notes: what a person should know about the file, such as "incomplete: its end is missing".
    """

    label: str
    probability: float
    rejected_reason: str | None
    top: tuple[LabelProbability, ...]
    label_set: tuple[LabelProbability, ...] | None
    embedding: Floats
    activation_map: Floats | None
    notes: tuple[str, ...] = ()

    @property
    def rejected(self) -> bool:
        """Whether the image is unlike the training data."""
        return self.rejected_reason is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Classifier:
    """A manifest and its loaded session. Make one with `load` or `load_onnx`.

    `precision_reason` says why it is run in this precision.
    """

    manifest: Manifest
    session: ModelSession
    precision: Precision
    precision_reason: str = ASKED_FOR

    @classmethod
    def load(
        cls,
        package: Package,
        *,
        session: SessionConfig | None = None,
        precision: AskedPrecision = "auto",
    ) -> "Classifier":
        """Load a package, its model file verified by sha256, by the manifest of that file.

        The precision "auto" is fp16 on a GPU; on a CPU bf16, where a short measurement finds it faster
        than fp32 (see `precision_choice`), else int8 with instructions for it, where the package has
        them, else fp32.

        Raises:
            PackageError: the package is damaged or has no such precision.
            SessionError: the model cannot be run as `session` demands.
        """
        opened, choice = open_chosen(package, session or SessionConfig(), precision)
        manifest = _manifest_of(package.manifest, opened, choice.precision)
        _check_graph(manifest, opened)
        return cls(
            manifest=manifest,
            session=opened,
            precision=choice.precision,
            precision_reason=choice.reason,
        )

    @classmethod
    def load_onnx(cls, file: Path, *, session: SessionConfig | None = None) -> "Classifier":
        """Load a bare ONNX file by the manifest inside it.

        Raises:
            PackageError: the file cannot be read or carries no manifest.
            SessionError: the model cannot be run as `session` demands.
        """
        try:
            data = file.read_bytes()
        except OSError as err:
            raise PackageError(f"{file.name} {why_unreadable(err)}") from err
        session = session or SessionConfig()
        opened = open_session(data, session)
        manifest = _embedded_manifest(opened, file.name)
        if (why := why_never_run(manifest.precision, session)) is not None:
            raise SessionError(f"{manifest.precision} cannot be run here: {why}")
        _check_graph(manifest, opened)
        return cls(manifest=manifest, session=opened, precision=manifest.precision)

    @property
    def has_activation_map(self) -> bool:
        """Whether the model can say which part of the image spoke for its answer."""
        return "activation_map" in self.session.output_names

    def prepare(self, data: bytes, *, limits: DecodeLimits = DEFAULT_LIMITS) -> PreparedImage:
        """Decode one encoded image to the model's input.

        Raises:
            ImageError: as `inference.decoding.decode_image`.
        """
        return prepare_image(data, self.manifest.preprocessing, limits=limits)

    def run(
        self,
        images: Pixels | Sequence[Pixels],
        *,
        activation_map: bool = False,
        limit_s: float | None = None,
    ) -> BatchOutputs:
        """Run the model on (N, H, W, 3) uint8 RGB, or on N images of (H, W, 3).

        A run that takes longer than `limit_s` is ended; unless given, it is the session's limit.

        Raises:
            SessionError: the model failed, or answered with what is no number or has another shape.
        """
        names = list(_ALWAYS_THERE)
        if activation_map and self.has_activation_map:
            names.append("activation_map")
        if FAMILIARITY in _promised_outputs(self.manifest):
            names.append(FAMILIARITY)
        answered = self.session.run(images, names, limit_s=limit_s)
        check_answers(answered, num_images=len(images), num_labels=len(self.manifest.labels))
        if self.precision in (self.manifest.precision_rules or {}):
            # The temperature inside the file is that of fp32.
            temperature = self.manifest.calibration.temperature
            answered["probabilities"] = softmax(answered["logits"], temperature=temperature)
        return BatchOutputs(**answered)

    def interpret(self, outputs: BatchOutputs, *, top_k: int = 5) -> list[Prediction]:
        """Turn the graph's outputs into one prediction an image, in order.

        Raises:
            ValueError: `top_k` is below 1. A `top_k` above the number of classes gives them all.
        """
        if top_k < 1:
            raise ValueError(f"top_k must be 1 or more, got {top_k}")
        order = (-outputs.probabilities).argsort(axis=1, kind="stable")
        each = zip(order, self._set_sizes(outputs), self._rejection_reasons(outputs), strict=True)
        return [
            self._prediction(
                outputs.rows(index, index + 1), ranked, top_k=top_k, set_size=size, reason=reason
            )
            for index, (ranked, size, reason) in enumerate(each)
        ]

    # A string is a sequence of strings to mypy; here it is a path.
    @overload
    def classify(  # type: ignore[overload-overlap]
        self, images: ImageSource, *, top_k: int = 5, limits: DecodeLimits = DEFAULT_LIMITS
    ) -> Prediction: ...

    @overload
    def classify(
        self,
        images: Sequence[ImageSource],
        *,
        top_k: int = 5,
        limits: DecodeLimits = DEFAULT_LIMITS,
    ) -> list[Prediction]: ...

    def classify(
        self,
        images: ImageSource | Sequence[ImageSource],
        *,
        top_k: int = 5,
        limits: DecodeLimits = DEFAULT_LIMITS,
    ) -> Prediction | list[Prediction]:
        """Answer for one image, or for a few as one batch: files by their paths, or encoded bytes.

        Raises:
            ImageError: one of them cannot be decoded.
            OSError: a file cannot be read.
        """
        if isinstance(images, (bytes, str, os.PathLike)):
            return self.classify([images], top_k=top_k, limits=limits)[0]
        if not images:
            return []
        prepared = [self.prepare(_encoded(image), limits=limits) for image in images]
        answers = self.interpret(self.run([image.pixels for image in prepared]), top_k=top_k)
        return [
            dataclasses.replace(answer, notes=image.notes) if image.notes else answer
            for answer, image in zip(answers, prepared, strict=True)
        ]

    def _prediction(
        self,
        outputs: BatchOutputs,
        ranked: npt.NDArray[np.intp],
        *,
        top_k: int,
        set_size: int | None,
        reason: str | None,
    ) -> Prediction:
        # A set is cut off by probability, so its labels come first in the order.
        shown = ranked[: max(top_k, set_size or 0)]
        labels = tuple(
            LabelProbability(
                label=self.manifest.labels[i], probability=float(outputs.probabilities[0, i])
            )
            for i in shown
        )
        maps = outputs.activation_map
        return Prediction(
            label=labels[0].label,
            probability=labels[0].probability,
            rejected_reason=reason,
            top=labels[:top_k],
            label_set=None if set_size is None else labels[:set_size],
            embedding=outputs.embedding[0],
            activation_map=None if maps is None else _scaled_map(maps[0]),
        )

    def _rejection_reasons(self, outputs: BatchOutputs) -> list[str | None]:
        rule = self.manifest.rejection
        if rule is None:
            return [None] * len(outputs)
        scores = rejection_scores(rule, outputs.logits, outputs.familiarity)
        return [rejection_reason(rule, float(score)) for score in scores]

    def _set_sizes(self, outputs: BatchOutputs) -> list[int] | list[None]:
        conformal = self.manifest.conformal
        if conformal is None:
            return [None] * len(outputs)
        sizes: list[int] = label_sets(outputs.probabilities, conformal).sum(axis=1).tolist()
        return sizes


def _encoded(image: ImageSource) -> bytes:
    return image if isinstance(image, bytes) else read_image_file(Path(image))


def _embedded_manifest(session: ModelSession, file: str) -> Manifest:
    text = session.metadata.get(METADATA_KEY)
    if text is None:
        raise InvalidManifest(f"{file} carries no {METADATA_KEY}; publish the model again")
    return parse_manifest(text)


def _manifest_of(package: Manifest, session: ModelSession, precision: Precision) -> Manifest:
    """Return the manifest by which a model file of the package is to be used.

    Temperature and thresholds of a smaller type are its own, and only inside its file.
    """
    if precision == "fp32":
        return package
    if precision in (package.precision_rules or {}):
        return package.run_as(precision)
    file = MODEL_FILES[precision]
    own = _embedded_manifest(session, file)
    if own.precision != precision:
        raise InvalidManifest(f"{file} says that it is {own.precision}; publish the model again")
    if (own.labels, own.preprocessing) != (package.labels, package.preprocessing):
        raise InvalidManifest(
            f"{file} has other labels or another preprocessing than the package; publish the model again"
        )
    return dataclasses.replace(
        own,
        files=package.files,
        precision_rules=package.precision_rules,
        name=package.name,
        version=package.version,
    )


def _check_graph(manifest: Manifest, session: ModelSession) -> None:
    """Refuse a model that takes no images, or lacks what its manifest is about."""
    if session.inputs != _IMAGES:
        taken = ", ".join(f"{name[:40]!r} {kind}" for name, kind, _ in session.inputs[:3])
        raise InvalidManifest(
            f"the model file takes {taken or 'nothing'}, not one {INPUT_NAME!r} of uint8 (N, H, W, 3); "
            "publish the model again"
        )
    wanted = _promised_outputs(manifest).union(_ALWAYS_THERE)
    if lacking := sorted(wanted.difference(session.output_names)):
        raise InvalidManifest(
            f"the manifest needs outputs {lacking}, which the model file lacks; publish the model again"
        )


def _promised_outputs(manifest: Manifest) -> set[str]:
    promised = {name for name, spec in manifest.outputs.items() if spec.absent is None}
    # Without it every image would be accepted.
    return promised | {FAMILIARITY} if needs_output(manifest.rejection) else promised


def _scaled_map(raw: Floats) -> Floats:
    """Bring a class activation map to 0..1; places that speak against the class become 0.

    Zhou et al. 2016, "Learning Deep Features for Discriminative Localization".
    """
    positive = raw.clip(min=0)
    peak = positive.max()
    return positive / peak if peak > 0 else positive
