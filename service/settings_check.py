"""`python -m service --check`: what the service would serve with these settings, without serving it."""

from dataclasses import dataclass

from inference import Repository
from service.repository.catalog import Catalog, PublishedModel
from service.repository.snapshot import read_catalog
from service.repository.start_problems import folder_problem, nothing_published, unknown_default
from service.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """One line for whoever asked, and whether the settings can be used."""

    usable: bool
    line: str


def check_models(settings: Settings) -> CheckResult:
    """Look at the models folder as the service would. Loads nothing.

    An empty folder is usable: the first model that is published into it will answer.
    """
    catalog = read_catalog(Repository(settings.models_dir))
    if (problem := folder_problem(catalog, settings)) is not None:
        return CheckResult(usable=False, line=problem)
    if (nothing := nothing_published(catalog, settings)) is not None:
        return CheckResult(usable=True, line=f"the settings can be used, but {nothing}")
    if (problem := unknown_default(catalog, settings)) is not None:
        return CheckResult(usable=False, line=problem)
    where = f"{settings.host}:{settings.port}"
    return CheckResult(usable=True, line=f"ok: {_models(catalog)} would answer on {where}")


def _models(catalog: Catalog) -> str:
    return ", ".join(_model(model) for model in catalog.models.values())


def _model(model: PublishedModel) -> str:
    """Name the version that would answer, and what stands in the way of a newer one."""
    newest = model.default or model.awaited or max(model.versions)
    usable = [n for n, v in model.versions.items() if v.why_unusable is None and n <= newest]
    answers = max(usable, default=None)
    if answers == newest:
        return f"{model.name} {newest}"
    why = model.versions[newest].why_unusable or model.problem
    instead = "nothing" if answers is None else str(answers)
    return f"{model.name} {instead} (not {newest}: {why})"
