"""Take a snapshot of the models folder. Blocking.

Folders are copied, moved and mounted while the service looks at them. What is served must not hang on
how they look at one moment: an entry that cannot be read hides no other, what was there whole is kept
until it is gone for good, and an empty folder in a volume's place is a volume that is gone.
"""

import dataclasses
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from inference import ModelNotFound, PackageError, Repository
from inference.aliases import read_aliases
from inference.files import reason_of
from inference.manifest import MANIFEST_FILE
from inference.names import STABLE
from inference.traffic import read_traffic
from inference.version_folders import ModelFolder, list_ignored, list_model, list_models
from service.repository.catalog import EMPTY_CATALOG, Catalog, PublishedModel
from service.repository.read_version import read_version

# What is renamed away and back, or replaced, is away for milliseconds.
_GONE_AFTER_S: Final = 0.5
_LOOK_AGAIN_S: Final = 0.02
_VOLUME_GONE: Final = "empty and not the one of before (has its volume gone?)"


def read_catalog(repository: Repository, previous: Catalog = EMPTY_CATALOG) -> Catalog:
    """Look at the folder. Manifests that did not change are not read again."""
    root = repository.root
    try:
        identity = _identity(root)
        folders = {folder.name: folder for folder in list_models(root)}
        if not folders and previous.models and identity != previous.identity:
            return _unreadable(previous, f"the models folder is {_VOLUME_GONE}")
        _look_again(root, folders, previous.models)
        ignored = list_ignored(root)
    except FileNotFoundError:
        return _unreadable(previous, "the models folder does not exist")
    except OSError as err:
        return _unreadable(previous, f"the models folder cannot be read: {reason_of(err)}")
    models = {}
    for name, folder in sorted(folders.items()):
        model = _read_model(repository, folder, previous.models.get(name))
        if model is not None:
            models[name] = model
    problem = None if models else _misplaced(root)
    return Catalog(
        models=models, problem=problem, ignored={} if problem else ignored, identity=identity
    )


def _identity(folder: Path) -> tuple[int, int]:
    status = folder.stat()
    return status.st_dev, status.st_ino


def _unreadable(previous: Catalog, problem: str) -> Catalog:
    return dataclasses.replace(previous, problem=problem, is_read=True)


def _misplaced(root: Path) -> str | None:
    """Return what is wrong where the setting names a model, or a version, in place of their folder."""
    full = Path(os.path.realpath(root))
    if os.path.exists(full / MANIFEST_FILE):
        what, folder = "a version of a model", "the one two folders above"
    elif (model := list_model(full.parent, full.name)) is not None and model.numbers:
        what, folder = f"a model ({full.name!r})", "the folder above"
    else:
        return None
    return f"GRAFT_MODELS_DIR is {what}, not the folder of models; set it to {folder}"


def _look_again(
    root: Path, folders: dict[str, ModelFolder], previous: Mapping[str, PublishedModel]
) -> None:
    """Add to `folders` what was there before and is there again, until the rest is gone for good."""
    ends = time.monotonic() + _GONE_AFTER_S
    while missing := [name for name, model in previous.items() if _lacks(folders.get(name), model)]:
        if time.monotonic() > ends:
            return
        time.sleep(_LOOK_AGAIN_S)
        for name in missing:
            if (again := list_model(root, name)) is not None:
                folders[name] = _joined(folders.get(name), again)


def _lacks(folder: ModelFolder | None, model: PublishedModel) -> bool:
    if folder is None:
        return True
    if folder.problem is not None or _is_volume_gone(folder, model):
        return False
    return not model.versions.keys() <= {version.number for version in folder.versions}


def _is_volume_gone(folder: ModelFolder, model: PublishedModel) -> bool:
    return not folder.versions and model.identity not in (None, folder.identity)


def _joined(first: ModelFolder | None, again: ModelFolder) -> ModelFolder:
    """Return what was seen at either of two looks."""
    if first is None or first.problem is not None or again.problem is not None:
        return again
    versions = {version.number: version for version in (*first.versions, *again.versions)}
    return dataclasses.replace(again, versions=tuple(versions[n] for n in sorted(versions)))


def _read_model(
    repository: Repository, folder: ModelFolder, previous: PublishedModel | None
) -> PublishedModel | None:
    """Return a model; None where the folder holds none, or none any more."""
    name = folder.name
    if folder.problem is not None:
        known = previous or PublishedModel(name=name, versions={})
        return dataclasses.replace(known, problem=f"its folder cannot be read: {folder.problem}")
    if previous is not None and _is_volume_gone(folder, previous):
        return dataclasses.replace(previous, problem=f"its folder is {_VOLUME_GONE}")
    if not folder.versions or (previous is None and not folder.numbers):
        return None
    known_versions = previous.versions if previous is not None else {}
    versions, disturbed = {}, {}
    for found in folder.versions:
        before = known_versions.get(found.number)
        now = read_version(repository, name, found, before)
        was_usable = before is not None and before.why_unusable is None
        if before is not None and was_usable and now.why_unusable is not None:
            disturbed[found.number], now = now, before
        versions[found.number] = now
    model = PublishedModel(
        name=name,
        versions=versions,
        identity=folder.identity,
        disturbed=disturbed,
        misnamed=folder.misnamed,
    )
    return _with_choices(model, repository.root / name, previous)


def _with_choices(
    model: PublishedModel, folder: Path, previous: PublishedModel | None
) -> PublishedModel:
    """Return the model with what its aliases and its traffic say, or said when they could be read."""
    # Better the version of before than one that the operator held back with "stable".
    kept = previous.default if previous and previous.default in model.versions else None
    try:
        model = _with_default(dataclasses.replace(model, aliases=read_aliases(folder)), kept)
    except PackageError as err:
        aliases = previous.aliases if previous else {}
        model = dataclasses.replace(model, aliases=aliases, default=kept, problem=str(err))
    try:
        return dataclasses.replace(model, traffic=read_traffic(folder))
    except PackageError as err:
        traffic = previous.traffic if previous else None
        return dataclasses.replace(model, traffic=traffic, problem=model.problem or str(err))


def _with_default(model: PublishedModel, kept: int | None) -> PublishedModel:
    newest = max(model.versions)
    try:
        default = model.version_names.find(None)
    except ModelNotFound as err:
        if model.version_names.latest is None and STABLE not in model.aliases:
            return dataclasses.replace(model, default=kept, awaited=newest)
        return dataclasses.replace(model, default=kept, problem=str(err))
    if model.versions[default].incomplete is not None:
        return dataclasses.replace(model, default=kept, awaited=default)
    coming = newest if STABLE not in model.aliases and newest > default else None
    return dataclasses.replace(model, default=default, awaited=coming)
