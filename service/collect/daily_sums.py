"""What was answered, day by day and version by version, as sums: for comparing with validation.

On disk, in a folder that several processes may share, a file for each day (UTC):
`{"NAME": {"VERSION": {"images": 3, "rejected": 1, "top_probability": 2.4, "labels": {"shirt": 2, …}}}}`.
"""

import json
import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from inference import Prediction
from inference.measured import AnswerShares
from inference.repository_file import changing, write_repository_file

WINDOW_DAYS: Final = 7
# Within GRAFT_KEEP_DIR.
SUMS_FOLDER: Final = "sums"
_KEPT_DAYS: Final = 90
_SUFFIX: Final = ".json"

_Key = tuple[str, int]
_Day = dict[_Key, "AnswerSums"]


@dataclass(slots=True)
class AnswerSums:
    """Sums over answers; `top_probability` is that of the most probable labels."""

    images: int = 0
    rejected: int = 0
    top_probability: float = 0.0
    labels: Counter[str] = field(default_factory=Counter)

    def add(self, prediction: Prediction) -> None:
        """Count an answer."""
        self.images += 1
        self.rejected += prediction.rejected
        self.top_probability += prediction.probability
        self.labels[prediction.label] += 1

    def merge(self, other: "AnswerSums") -> None:
        """Add what another has counted."""
        self.images += other.images
        self.rejected += other.rejected
        self.top_probability += other.top_probability
        self.labels.update(other.labels)

    def shares(self) -> AnswerShares | None:
        """Return the same as shares; None where nothing was answered."""
        if not self.images:
            return None
        return AnswerShares(
            images=self.images,
            rejected=self.rejected / self.images,
            top_probability=self.top_probability / self.images,
            labels={label: count / self.images for label, count in self.labels.items()},
        )


class DailySums:
    """Counts in memory and, where there is a folder, adds that to the folder's files at each `flush`."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._counted: dict[str, _Day] = {}  # not on disk
        self._on_its_way: dict[str, _Day] = {}
        self._stored: dict[str, _Day] = {}

    def note(self, model: str, version: int, predictions: Iterable[Prediction]) -> None:
        """Count answers."""
        with self._lock:
            day = self._counted.setdefault(_name(_today()), {})
            sums = day.setdefault((model, version), AnswerSums())
            for prediction in predictions:
                sums.add(prediction)

    def recent(self, model: str, version: int) -> AnswerSums:
        """Return the sums of the last `WINDOW_DAYS` days, today among them."""
        days, found = last_days(WINDOW_DAYS), AnswerSums()
        with self._lock:
            for part in (self._counted, self._on_its_way, self._stored):
                for day in days & part.keys():
                    if (sums := part[day].get((model, version))) is not None:
                        found.merge(sums)
        return found

    def flush(self) -> None:
        """Write what was counted, and read what other processes have written. Blocking.

        Raises:
            OSError, PackageError: the folder cannot be read or written; what was counted is still there.
        """
        if self._folder is None:
            with self._lock:
                for day in self._counted.keys() - last_days(WINDOW_DAYS):
                    del self._counted[day]
            return
        with self._lock:
            self._on_its_way, self._counted = self._counted, {}
        try:
            for day in list(self._on_its_way):
                self._add(self._folder / f"{day}{_SUFFIX}", day)
        finally:
            self._give_back()
        stored = read_days(self._folder, last_days(WINDOW_DAYS))
        with self._lock:
            self._stored = stored
        self._remove_old(self._folder)

    def _add(self, file: Path, day: str) -> None:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with changing(file):
            sums = _read(file)
            for key, counted in self._on_its_way[day].items():
                sums.setdefault(key, AnswerSums()).merge(counted)
            write_repository_file(file, _as_json(sums))
        with self._lock:
            del self._on_its_way[day]
            self._stored[day] = sums

    def _give_back(self) -> None:
        """Count again what could not be written."""
        with self._lock:
            for day, left in self._on_its_way.items():
                _merge(self._counted.setdefault(day, {}), left)
            self._on_its_way = {}

    def _remove_old(self, folder: Path) -> None:
        oldest = _name(_today() - timedelta(days=_KEPT_DAYS))
        for file in folder.glob(f"????-??-??{_SUFFIX}"):
            if file.stem < oldest:
                file.unlink(missing_ok=True)


def read_days(folder: Path, days: Iterable[str]) -> dict[str, dict[tuple[str, int], AnswerSums]]:
    """Return the sums of some days (`2026-11-30`), by model and version; a day without any has none.

    Raises:
        OSError: the folder cannot be read.
    """
    return {day: _read(folder / f"{day}{_SUFFIX}") for day in days}


def _read(file: Path) -> _Day:
    try:
        data: Mapping[str, Mapping[str, Mapping[str, Any]]] = json.loads(file.read_bytes())
        return {
            (model, int(version)): AnswerSums(
                images=int(sums["images"]),
                rejected=int(sums["rejected"]),
                top_probability=float(sums["top_probability"]),
                labels=Counter(sums["labels"]),
            )
            for model, versions in data.items()
            for version, sums in versions.items()
        }
    except FileNotFoundError:
        return {}
    except (ValueError, TypeError, LookupError, AttributeError):
        return {}  # it was damaged, or somebody's hand was in it: counting begins again


def _as_json(day: _Day) -> dict[str, object]:
    models: dict[str, dict[str, object]] = {}
    for (model, version), sums in day.items():
        models.setdefault(model, {})[str(version)] = {
            "images": sums.images,
            "rejected": sums.rejected,
            "top_probability": round(sums.top_probability, 6),
            "labels": dict(sums.labels),
        }
    return {**models}


def _merge(into: _Day, other: _Day) -> None:
    for key, sums in other.items():
        into.setdefault(key, AnswerSums()).merge(sums)


def _today() -> date:
    return datetime.now(UTC).date()


def last_days(num_days: int) -> set[str]:
    """Return the names of the last days (UTC), today's among them."""
    today = _today()
    return {_name(today - timedelta(days=ago)) for ago in range(num_days)}


def _name(day: date) -> str:
    return day.isoformat()
