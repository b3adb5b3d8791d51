"""Whether the service wants traffic and, if not, why and what to do."""

from service.repository.registry import ModelRegistry


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
    problems = (
        f"{model.name}: {registry.model_problem(model) or 'unloaded by an operator'}"
        for model in catalog.models.values()
    )
    return "no model can answer; " + "; ".join(problems)


def _why_no_default(registry: ModelRegistry, name: str) -> str | None:
    if registry.serving_version(name) is not None:
        return None
    model = registry.catalog.models.get(name)
    if model is None and not registry.catalog.is_read:
        return f"the default model {name!r} cannot answer: loading"
    if model is None:
        return f"the default model {name!r} is not published"
    why = registry.model_problem(model) or ("unloaded" if registry.is_settled else "loading")
    return f"the default model {name!r} cannot answer: {why}"
