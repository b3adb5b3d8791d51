"""The teacher: a published model of the same labels, and what it says of images, kept by their content."""

import hashlib
import json
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from inference.classifier import Classifier
from inference.decoding import OWN_FILES_LIMITS, DecodeLimits
from inference.errors import InferenceError
from inference.loading import open_package
from inference.temporary_folder import temporary_folder
from training.assessment.file_predictions import predict_files
from training.data.finding import named
from training.data.scan import ScannedImage
from training.data.split import SPLIT_FILE
from training.errors import ConfigError, DataError
from training.runtime.arrays import Floats

_FOLDER: Final = "teacher-answers"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TeacherOutputs:
    """Calibrated probabilities (M, K), in the student's order, and embeddings (M, D); (M, 0) without them."""

    probabilities: Floats
    embeddings: Floats

    def __getitem__(self, part: slice) -> "TeacherOutputs":
        return TeacherOutputs(
            probabilities=self.probabilities[part], embeddings=self.embeddings[part]
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Teacher:
    """An opened package.

    Attributes:
        name: its name and version.
        classifier: what answers.
        order: its own number of each of the student's classes.
        seen: content hashes of the images that it learnt from.
        limits: the largest image that it is asked about.
    """

    name: str
    classifier: Classifier
    order: tuple[int, ...]
    seen: frozenset[str]
    limits: DecodeLimits = OWN_FILES_LIMITS

    @property
    def is_probe(self) -> bool:
        """Whether only its head has learnt from these images."""
        return self.classifier.manifest.training.method == "probe"

    @classmethod
    def open(
        cls, path: Path, labels: Sequence[str], *, limits: DecodeLimits = OWN_FILES_LIMITS
    ) -> "Teacher":
        """Open a package whose labels are those of the student; `limits` are those of the student's images.

        Raises:
            ConfigError: there is none, its labels are others, or it does not say what it has learnt from.
        """
        try:
            opened = open_package(path, precision="fp32")
        except InferenceError as err:
            raise ConfigError(f"--teacher {str(path)!r}: {err}") from err
        manifest = opened.classifier.manifest
        name = f"{manifest.name}/{manifest.version}"
        _check_labels(name, manifest.labels, labels)
        seen = _fitted_on(opened.path)
        if seen is None:
            raise ConfigError(
                f"--teacher {name} does not say what it has learnt from ({SPLIT_FILE} is missing or "
                "damaged), so no image could tell whether it helps; train it again"
            )
        return cls(
            name=name,
            classifier=opened.classifier,
            order=tuple(manifest.labels.index(label) for label in labels),
            seen=seen,
            limits=limits,
        )

    def answer(
        self,
        images: Sequence[ScannedImage],
        cache_dir: Path,
        *,
        advance: Callable[[int], None] = lambda _: None,
    ) -> TeacherOutputs:
        """Return what it says of M images, of a probe with embeddings; each content is asked about once.

        Raises:
            DataError: an image can no longer be read.
        """
        file = cache_dir / _FOLDER / f"{self._key()}.npz"
        known = _read(file)
        missing = {image.sha256: image for image in images if image.sha256 not in known}
        advance(len(images) - len(missing))
        if missing:
            found = predict_files(
                self.classifier,
                [image.file for image in missing.values()],
                limits=self.limits,
                with_embeddings=self.is_probe,
                advance=advance,
            )
            if found.left_out:
                path, reason = found.left_out[0]
                raise DataError(f"the teacher cannot read {path.path.name!r}: {reason}")
            outputs = np.concatenate([found.probabilities, found.embeddings], axis=1)
            known |= dict(zip(missing, outputs, strict=True))
            _write(file, known)
        answers = np.stack([known[image.sha256] for image in images])
        num_labels = len(self.order)
        return TeacherOutputs(
            probabilities=answers[:, list(self.order)], embeddings=answers[:, num_labels:]
        )

    def _key(self) -> str:
        """Return what stands for the very file that answers."""
        manifest = self.classifier.manifest
        parts = [self.name, manifest.created, repr(manifest.calibration), repr(manifest.files)]
        return hashlib.sha256("\n".join([*parts, *manifest.labels]).encode()).hexdigest()[:32]


def _fitted_on(package: Path) -> frozenset[str] | None:
    """Return the content hashes of what a model was fitted on; a `val` that was given it only chose by."""
    try:
        split = json.loads((package / SPLIT_FILE).read_text(encoding="utf-8"))
        left_out = {"test", *(part for part in split["given"] if part == "val")}
        return frozenset(sha256 for sha256, part in split["parts"].items() if part not in left_out)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _check_labels(name: str, theirs: Sequence[str], ours: Sequence[str]) -> None:
    parts = []
    if only_theirs := sorted(set(theirs) - set(ours)):
        parts.append(f"the teacher alone knows {named(only_theirs)}")
    if only_ours := sorted(set(ours) - set(theirs)):
        parts.append(f"the folder alone has {named(only_ours)}")
    if parts:
        raise ConfigError(f"--teacher {name} has other labels: {', '.join(parts)}")


def _read(file: Path) -> dict[str, Floats]:
    """Return probabilities, in the teacher's order, and then embeddings, (K + D,), by content hash."""
    try:
        with np.load(file) as kept:
            return dict(zip(kept["sha256"].tolist(), kept["outputs"], strict=True))
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):  # not there, or damaged
        return {}


def _write(file: Path, known: dict[str, Floats]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with temporary_folder(file.parent, ".writing-") as folder:
        partial = folder / file.name
        np.savez(partial, sha256=np.array(list(known)), outputs=np.stack(list(known.values())))
        partial.replace(file)
