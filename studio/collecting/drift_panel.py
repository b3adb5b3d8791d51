"""A model's answers of the last days beside those on validation images, as in the metrics."""

from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from inference.errors import InferenceError
from inference.manifest import Manifest
from inference.measured import AnswerShares
from inference.repository import Repository
from service.collect.daily_sums import (
    SUMS_FOLDER,
    WINDOW_DAYS,
    AnswerSums,
    last_days,
    read_days,
)
from service.collect.drift import (
    ALERT_FROM_IMAGES,
    ALERT_LABEL_SHIFT,
    ALERT_REJECTED,
    ALERT_TOP_PROBABILITY,
    find_drift,
)

_MOST_LABELS: Final = 12


def read_drift(keep_dir: Path, models_dir: Path, model: str) -> dict[str, Any]:
    """Return how the answers of the last days compare, of the version that answers, or that answered last.

    Raises:
        OSError: the sums cannot be read.
    """
    days = read_days(keep_dir / SUMS_FOLDER, sorted(last_days(WINDOW_DAYS)))
    answered = {v for sums in days.values() for name, v in sums if name == model}
    repository = Repository(models_dir)
    version = _shown_version(repository, model, answered)
    manifest = _manifest(repository, model, version) if version is not None else None
    if version is None or manifest is None:
        return {"version": None, "days": []}
    of_day = {day: sums[model, version] for day, sums in days.items() if (model, version) in sums}
    total = AnswerSums()
    for sums in of_day.values():
        total.merge(sums)
    drift = find_drift(total, manifest.validation_answers, num_labels=len(manifest.labels))
    return {
        "version": version,
        "window_days": WINDOW_DAYS,
        "rule": {
            "images": ALERT_FROM_IMAGES,
            "rejected": ALERT_REJECTED,
            "top_probability": ALERT_TOP_PROBABILITY,
            "label_shift": ALERT_LABEL_SHIFT,
        },
        "alerts": list(drift.alerts()),
        "recent": _figures(drift.recent),
        "validation": _figures(drift.validation),
        "label_shift": drift.label_shift,
        "labels": _labels(drift.recent, drift.validation),
        "days": [{"day": day, **_figures(sums.shares())} for day, sums in sorted(of_day.items())],
    }


def _shown_version(repository: Repository, model: str, answered: set[int]) -> int | None:
    """Return the version that answers now; where nothing asked it yet, the newest that was asked."""
    try:
        current = repository.resolve(model)
        there = answered & set(repository.versions(model))
    except InferenceError:
        return None
    return current if current in there or not there else max(there)


def _manifest(repository: Repository, model: str, version: int) -> Manifest | None:
    try:
        return repository.read(model, version).manifest
    except InferenceError:
        return None


def _figures(shares: AnswerShares | None) -> dict[str, Any]:
    found = {} if shares is None else asdict(shares)
    return {key: found.get(key) for key in ("images", "rejected", "top_probability")}


def _labels(recent: AnswerShares | None, validation: AnswerShares | None) -> list[dict[str, Any]]:
    """Return the labels whose shares are furthest apart."""
    if recent is None or validation is None:
        return []
    names = recent.labels.keys() | validation.labels.keys()
    rows = [
        (name, recent.labels.get(name, 0.0), validation.labels.get(name, 0.0)) for name in names
    ]
    rows.sort(key=lambda row: (-abs(row[1] - row[2]), row[0]))
    return [{"label": name, "recent": a, "validation": b} for name, a, b in rows[:_MOST_LABELS]]
