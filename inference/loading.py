"""From what a person types to a classifier: `models/NAME`, `models/NAME/VERSION` or a file."""

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from inference.classifier import Classifier
from inference.errors import PackageError, ProviderUnavailable, SessionError
from inference.file_kinds import KIND_BYTES, UNKNOWN, file_kind
from inference.find_package import find_packages
from inference.package import read_package
from inference.precision import AskedPrecision
from inference.session import SessionConfig

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedPackage:
    """A classifier, and the folder (or the file) that it is from."""

    path: Path
    classifier: Classifier


def open_classifier(
    path: str | os.PathLike[str],
    *,
    session: SessionConfig | None = None,
    precision: AskedPrecision = "auto",
) -> Classifier:
    """Load `models/NAME`, `models/NAME/VERSION` or a `.onnx` file; see `open_package`.

    Raises:
        ModelNotFound, PackageError, SessionError: as `open_package`.
    """
    return open_package(path, session=session, precision=precision).classifier


def open_package(
    path: str | os.PathLike[str],
    *,
    session: SessionConfig | None = None,
    precision: AskedPrecision = "auto",
) -> OpenedPackage:
    """Load `models/NAME`, `models/NAME/VERSION` or a `.onnx` file.

    Of `models/NAME` it is the version that the service would answer with: one that cannot be loaded is
    passed over, with a warning in the log.

    Raises:
        ModelNotFound: as `find_packages`.
        PackageError, SessionError: as `Classifier.load` and `Classifier.load_onnx`; a bare file is of
            another precision.
    """
    candidates = find_packages(Path(path))
    if precision not in ("auto", "fp32"):  # which the next version may lack or not: none stands in
        candidates = candidates[:1]
    for index, candidate in enumerate(candidates):
        try:
            classifier = _load(candidate, session=session, precision=precision)
        except ProviderUnavailable:
            raise  # no version could be run so
        except (PackageError, SessionError) as err:
            problem = type(err)(f"{_called(candidate)} cannot be used: {err}")
            if index == len(candidates) - 1:
                raise _all_failed(problem, candidates) from err
            logger.warning("%s; trying version %s", problem, candidates[index + 1].name)
        else:
            return OpenedPackage(path=candidate, classifier=classifier)
    raise AssertionError("there is at least one candidate")


def _load(path: Path, *, session: SessionConfig | None, precision: AskedPrecision) -> Classifier:
    if not os.path.isfile(path):
        return Classifier.load(read_package(path), session=session, precision=precision)
    _check_kind(path)
    classifier = Classifier.load_onnx(path, session=session)
    if precision not in ("auto", classifier.precision):
        raise PackageError(f"it is {classifier.precision}, not {precision}")
    return classifier


def _check_kind(file: Path) -> None:
    """Refuse what is no model but something well known: mostly an image, given first."""
    try:
        with file.open("rb") as stream:
            kind = file_kind(stream.read(KIND_BYTES))
    except OSError:
        return  # reading all of it will say why
    if kind is not UNKNOWN:
        raise PackageError(
            f"it is {kind.described}, not a model; give a model's folder or its model.onnx"
        )


def _called(path: Path) -> str:
    if os.path.isfile(path):
        return path.name
    return f"model {path.parent.name!r} version {path.name}"


def _all_failed(last: PackageError | SessionError, candidates: Sequence[Path]) -> Exception:
    if len(candidates) == 1:
        return last
    return type(last)(f"{last}; no version of the model can be used")
