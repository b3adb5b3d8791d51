"""Which model answers: the one that a request names, else the default, else the only one."""

from service.context import Context
from service.errors import ModelNotChosen, NoModels
from service.repository.readiness import why_no_model


def only_model(context: Context) -> str | None:
    """Return the model that answers where none is named: the default, or the only one."""
    models = context.registry.catalog.models
    return context.settings.default_model or (next(iter(models)) if len(models) == 1 else None)


def choose_model(context: Context, name: str | None) -> str:
    """Return the model that a request means.

    Raises:
        ModelNotChosen: it names none and there are several.
        NoModels: nothing is published.
    """
    chosen = name or only_model(context)
    if chosen is not None:
        return chosen
    catalog = context.registry.catalog
    models = catalog.models
    names = sorted(name for name, model in models.items() if model.can_answer) or sorted(models)
    if not names:
        raise NoModels(why_no_model(context.registry), retry_after_s=None if catalog.is_read else 1)
    raise ModelNotChosen(
        f"there are several models; choose one with ?model=NAME: {', '.join(names)[:500]}"
    )
