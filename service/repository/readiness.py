"""Whether the service wants traffic and, if not, why and what to do."""

from collections.abc import Iterable
from typing import Final

from service.repository.catalog import PublishedModel
from service.repository.registry import ModelRegistry
from service.repository.states import State, VersionStatus

# What one line of a log holds.
_MAX_MODELS: Final = 5
_MAX_VERSIONS: Final = 4


def why_not_ready(
    registry: ModelRegistry, *, default_model: str | None, draining: bool
) -> str | None:
    """Return None where the service wants traffic: it stays, and the default model answers.

    Without a default model one that answers is enough: a package that fails must not take the others
    out of traffic.
    """
    if draining:
        return "the service is stopping"
    if default_model is not None:
        return _why_no_default(registry, default_model)
    served = (registry.serving_version(name) for name in registry.catalog.models)
    if any(version is not None for version in served):
        return None
    return why_no_model(registry)


def why_no_model(registry: ModelRegistry) -> str:
    """Return why no model answers."""
    catalog = registry.catalog
    if not catalog.is_read:
        return "the models folder is being read; try again in a moment"
    if not catalog.models:
        why = catalog.problem or "no model is published yet"
        return f"{why}; publish one with: python -m training.finetune FOLDER --name NAME"
    if not registry.is_settled:
        return "models are loading; try again in a moment"
    models = list(catalog.models.values())
    reasons = [f"{model.name}: {_why_silent(registry, model)}" for model in models[:_MAX_MODELS]]
    if len(models) > _MAX_MODELS:
        reasons.append(f"and {len(models) - _MAX_MODELS} more models")
    found = "no model answers yet; " if _is_loading(registry, models) else "no model can answer; "
    return found + "; ".join(reasons)


def _is_loading(registry: ModelRegistry, models: Iterable[PublishedModel]) -> bool:
    """Return whether a version is still being loaded, on a machine that is busy."""
    versions = (version for model in models for version in model.versions.values())
    return any(registry.status(version).state is State.LOADING for version in versions)


def _why_silent(registry: ModelRegistry, model: PublishedModel) -> str:
    """Return why no version of a model answers, the newest first."""
    reasons = [model.problem] if model.problem else []
    numbers = sorted(model.versions, reverse=True)
    for number in numbers[:_MAX_VERSIONS]:
        reasons.append(f"version {number}: {_shown(registry.status(model.versions[number]))}")
    if len(numbers) > _MAX_VERSIONS:
        reasons.append(f"and {len(numbers) - _MAX_VERSIONS} older versions")
    return ", ".join(reasons)


def _shown(status: VersionStatus) -> str:
    if status.problem is not None:
        incomplete = status.state is State.INCOMPLETE
        return f"incomplete: {status.problem}" if incomplete else status.problem
    return "unloaded by an operator" if status.state is State.UNLOADED else status.state


def _why_no_default(registry: ModelRegistry, name: str) -> str | None:
    if registry.serving_version(name) is not None:
        return None
    model = registry.catalog.models.get(name)
    if model is None and not registry.catalog.is_read:
        return f"the default model {name!r} cannot answer: loading"
    if model is None:
        return f"the default model {name!r} is not published"
    why = _why_silent(registry, model)
    return f"the default model {name!r} cannot answer: {why}"
