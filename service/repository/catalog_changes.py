"""What the log says of the models folder: each thing once, when it is first seen."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass

from service.repository.catalog import Catalog, PublishedModel

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Finding:
    """One line of the log: it is new where no finding of the last look has the same `key`."""

    key: tuple[object, ...]
    level: int
    line: str


def log_changes(before: Catalog, after: Catalog) -> None:
    """Log what is wrong since the last look, and what is gone or well again.

    Why a service cannot answer at its start is said elsewhere, once for all its processes.
    """
    known = {finding.key for finding in _findings(before)}
    found = [*(_about_folder(after) if before.is_read else ()), *_about_entries(after)]
    for finding in found:
        if finding.key not in known:
            logger.log(finding.level, "%s", finding.line)
    if before.problem is not None and after.problem is None:
        logger.info("models_folder_is_back models=%d", len(after.models))
    for name, number in sorted(_versions(before) - _versions(after)):
        logger.info("version_gone name=%s version=%d", name, number)


def _versions(catalog: Catalog) -> set[tuple[str, int]]:
    return {(name, number) for name, model in catalog.models.items() for number in model.versions}


def _findings(catalog: Catalog) -> Iterator[_Finding]:
    yield from _about_folder(catalog)
    yield from _about_entries(catalog)


def _about_folder(catalog: Catalog) -> Iterator[_Finding]:
    if catalog.problem is not None:
        line = f"models_folder_problem reason={catalog.problem}; what is served stays"
        if not catalog.models:
            line = f"models_folder_problem reason={catalog.problem}"
        yield _Finding(key=("folder", catalog.problem), level=logging.WARNING, line=line)
    elif not catalog.models:
        line = (
            "no_models reason=the models folder holds no model; "
            "publish one with: python -m training.finetune FOLDER --name NAME"
        )
        yield _Finding(key=("none",), level=logging.WARNING, line=line)


def _about_entries(catalog: Catalog) -> Iterator[_Finding]:
    for folder, why in catalog.ignored.items():
        line = f"folder_ignored folder={folder[:80]} reason={why}"
        yield _Finding(key=("ignored", folder), level=logging.WARNING, line=line)
    for model in catalog.models.values():
        yield from _about_model(model)


def _about_model(model: PublishedModel) -> Iterator[_Finding]:
    name = model.name
    if model.problem is not None:
        line = f"model_problem name={name} reason={model.problem}"
        yield _Finding(key=(name, model.problem), level=logging.WARNING, line=line)
    for number, known in model.versions.items():
        now = model.disturbed.get(number, known)
        where = f"name={name} version={number}"
        stays = "; the one in memory stays" if number in model.disturbed else ""
        if now.problem is not None:
            line = f"version_unusable {where} reason={now.problem}{stays}"
            yield _Finding(key=(name, number, now.problem), level=logging.WARNING, line=line)
        elif now.incomplete is not None:  # once, not with each byte that arrives
            line = f"version_incomplete {where} reason={now.incomplete}{stays}"
            yield _Finding(key=(name, number, "incomplete"), level=logging.INFO, line=line)
    for folder in model.misnamed:
        line = (
            f"version_ignored name={name} folder={folder[:80]} reason=a version's folder is a whole number "
            "of up to 15 digits without leading zeros; rename it"
        )
        yield _Finding(key=(name, "misnamed", folder), level=logging.WARNING, line=line)
