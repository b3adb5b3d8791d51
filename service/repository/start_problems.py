"""Why there is nothing to serve with these settings, in the words of whoever set the service up.

With paths: for a log and a terminal, never for an answer.
"""

import os
from pathlib import Path

from service.repository.catalog import Catalog
from service.settings import ENV_PREFIX, Settings


def folder_problem(catalog: Catalog, settings: Settings) -> str | None:
    """Return why the models folder cannot be used; None where it can."""
    if catalog.problem is None:
        return None
    return _why_unreadable(settings.models_dir.absolute()) or catalog.problem


def nothing_published(catalog: Catalog, settings: Settings) -> str | None:
    """Return what to do where the models folder holds no model; None where it does."""
    if catalog.models:
        return None
    folder = settings.models_dir.absolute()
    return (
        f"no model is published in {folder}; publish one with: python -m training.finetune "
        f"PHOTOS --name NAME --models-dir {folder}, or name another folder with "
        f"{ENV_PREFIX}MODELS_DIR"
    )


def unknown_default(catalog: Catalog, settings: Settings) -> str | None:
    """Return what there is where the default model is not; None where it is."""
    default = settings.default_model
    if default is None or default in catalog.models:
        return None
    return (
        f"{ENV_PREFIX}DEFAULT_MODEL is {default!r}, which is not published in "
        f"{settings.models_dir.absolute()}; there are {', '.join(sorted(catalog.models))}"
    )


def _why_unreadable(folder: Path) -> str | None:
    try:
        os.scandir(folder).close()
    except (FileNotFoundError, NotADirectoryError):
        what = "is no folder" if folder.exists() else "does not exist"
        return (
            f"the models folder {folder} {what}; make or mount it, or name another with "
            f"{ENV_PREFIX}MODELS_DIR"
        )
    except OSError as err:
        user = f" (user id {os.geteuid()})" if hasattr(os, "geteuid") else ""
        return (
            f"the models folder {folder} cannot be read: {err.strerror}; let the service{user} read "
            "and enter it, as chmod -R a+rX does"
        )
    return None
