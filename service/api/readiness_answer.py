"""What the readiness probes of both protocols answer.

Probes have no keys. Where keys are set, names of models are for those who send one.
"""

from typing import Final

from service.context import Context
from service.errors import ModelNotReady
from service.repository.readiness import why_not_ready

_HIDDEN: Final = (
    "no model can answer now; the log says why, and so does this address to who sends a key"
)


def check_ready(context: Context, *, sees_models: bool) -> None:
    """Return where the service wants traffic.

    Raises:
        ModelNotReady: it does not; with the reason for those who may know it.
    """
    default_model = context.settings.default_model
    draining = context.lifecycle.draining
    why = why_not_ready(context.registry, default_model=default_model, draining=draining)
    if why is None:
        return
    names_models = bool(context.registry.catalog.models or default_model) and not draining
    raise ModelNotReady(_HIDDEN if names_models and not sees_models else why, retry_after_s=1)


def serving_versions(context: Context) -> dict[str, int]:
    """Return the version that answers for each model that has one."""
    registry = context.registry
    found = {name: registry.serving_version(name) for name in registry.catalog.models}
    return {name: version for name, version in found.items() if version is not None}
