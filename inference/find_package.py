"""From what a person types to a package: `models/NAME`, `models/NAME/VERSION`, a folder or a file."""

import os
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path

from inference.errors import ModelNotFound, PackageError
from inference.manifest import MANIFEST_FILE
from inference.repository import Repository
from inference.resolve_version import listed, unknown_model
from inference.version_folders import list_model


def find_package(path: Path) -> Path:
    """Take `models/NAME` for the version that is meant; return the rest as it is.

    Raises:
        ModelNotFound, PackageError: as `find_packages`.
    """
    return find_packages(path)[0]


def find_packages(path: Path) -> list[Path]:
    """Return what `path` means, and of `models/NAME` also what stands in where that cannot be used.

    In `models/NAME/VERSION` the version may be an alias.

    Raises:
        ModelNotFound, PackageError: as `Repository.package`; the message names what is there.
    """
    # os.path, not Path: its questions are answered "no" where a folder may not be entered.
    if os.path.isfile(path) or os.path.exists(path / MANIFEST_FILE):
        return [path]
    full = Path(os.path.realpath(path))
    if _is_model(full.parent):
        model = full.parent
        return [Repository(model.parent).package(model.name, full.name).path]
    if _is_model(full):
        return [full / str(number) for number in Repository(full.parent).candidates(full.name)]
    raise _nothing_there(path, full)


def find_model(path: Path) -> tuple[Repository, str]:
    """Return the repository and the name of the model at `models/NAME`.

    Raises:
        ModelNotFound: there is none; the message names what is there.
    """
    full = Path(os.path.realpath(path))
    if _is_model(full):
        return Repository(full.parent), full.name
    if _is_model(full.parent):
        raise ModelNotFound(f"{str(path)!r} is a version; give its model, {str(path.parent)!r}")
    raise _nothing_there(path, full)


def _nothing_there(path: Path, full: Path) -> ModelNotFound:
    if models := _models_in(full):
        return ModelNotFound(
            f"{str(path)!r} is a folder of models; name one of them: "
            f"{listed([str(path / name) for name in models])}"
        )
    if models := _models_in(full.parent):
        return unknown_model(full.name, models, where=str(path.parent))
    if not os.path.exists(full.parent):
        return ModelNotFound(
            f"no package at {str(path)!r}: there is no folder {str(path.parent)!r}"
            f"{suggestion(path.parent)}"
        )
    return ModelNotFound(
        f"no package at {str(path)!r}; give models/NAME, models/NAME/VERSION or a model.onnx file"
    )


def suggestion(missing: Path) -> str:
    """Return "; did you mean …?" where something of a similar name is there, else nothing."""
    there: list[str] = []
    with suppress(OSError):
        there = os.listdir(missing.parent)
    close = get_close_matches(missing.name, there, n=1)
    return f"; did you mean {str(missing.with_name(close[0]))!r}?" if close else ""


def _is_model(folder: Path) -> bool:
    model = list_model(folder.parent, folder.name)
    return model is not None and (model.problem is not None or bool(model.numbers))


def _models_in(folder: Path) -> list[str]:
    with suppress(PackageError):
        return Repository(folder).names()
    return []
