"""Why a service that has just started does not answer: in its log, once, with what to do.

The same is in `/health/ready`, but that is asked by machines, which keep it to themselves.
"""

import logging
import os
from pathlib import Path

from service.repository.readiness import why_not_ready
from service.repository.registry import ModelRegistry
from service.settings import ENV_PREFIX, Settings
from service.shared_folder import SharedFolder

logger = logging.getLogger(__name__)


async def log_why_not_ready(
    registry: ModelRegistry, settings: Settings, shared: SharedFolder | None
) -> None:
    """Wait until every model has been tried, and say why none answers, if so.

    Of several processes with the same models one says it.
    """
    await registry.settled()
    why = _why(registry, settings)
    if why is not None and (shared is None or shared.is_first_to("log_why_not_ready")):
        logger.warning("not_ready reason=%s", why)


def _why(registry: ModelRegistry, settings: Settings) -> str | None:
    folder, catalog = settings.models_dir.absolute(), registry.catalog
    if catalog.problem is not None:
        return _folder_problem(folder) or catalog.problem
    if not catalog.models:
        return (
            f"no model is published in {folder}; publish one with: python -m training.finetune "
            f"PHOTOS --name NAME --models-dir {folder}, or name another folder with "
            f"{ENV_PREFIX}MODELS_DIR"
        )
    default = settings.default_model
    if default is not None and default not in catalog.models:
        return (
            f"{ENV_PREFIX}DEFAULT_MODEL is {default!r}, which is not published in {folder}; there "
            f"are {', '.join(sorted(catalog.models))}"
        )
    return why_not_ready(registry, default_model=default, draining=False)


def _folder_problem(folder: Path) -> str | None:
    try:
        os.scandir(folder).close()
    except (FileNotFoundError, NotADirectoryError):
        return (
            f"the models folder {folder} does not exist; make or mount it, or name another with "
            f"{ENV_PREFIX}MODELS_DIR"
        )
    except OSError as err:
        user = f" (user id {os.geteuid()})" if hasattr(os, "geteuid") else ""
        return (
            f"the models folder {folder} cannot be read: {err.strerror}; let the service{user} read "
            "and enter it, as chmod -R a+rX does"
        )
    return None
