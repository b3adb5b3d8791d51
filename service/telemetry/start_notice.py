"""Why a service that has just started does not answer: in its log, once, with what to do.

The same is in `/health/ready`, but that is asked by machines, which keep it to themselves.
"""

import logging

from service.repository.readiness import why_not_ready
from service.repository.registry import ModelRegistry
from service.repository.start_problems import folder_problem, nothing_published, unknown_default
from service.settings import Settings
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
    catalog = registry.catalog
    return (
        folder_problem(catalog, settings)
        or nothing_published(catalog, settings)
        or unknown_default(catalog, settings)
        or why_not_ready(registry, default_model=settings.default_model, draining=False)
    )
