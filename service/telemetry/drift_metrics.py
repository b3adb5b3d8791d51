"""Gauges of the answers of the last days beside those on validation images, of what is published."""

from collections.abc import Iterator
from typing import Final

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from service.collect.daily_sums import WINDOW_DAYS, DailySums
from service.collect.drift import Drift, find_drift
from service.repository.registry import ModelRegistry

_OF_LAST_DAYS: Final = f"of the last {WINDOW_DAYS} days"
GAUGES: Final = {
    "graft_recent_images": f"Images that were answered, {_OF_LAST_DAYS}.",
    "graft_recent_rejected_ratio": f"Share of them that was rejected, {_OF_LAST_DAYS}.",
    "graft_recent_top_probability": f"Mean probability of the first label, {_OF_LAST_DAYS}.",
    "graft_recent_label_shift": "How far the labels' shares are from those on validation images, 0 to 1, "
    f"{_OF_LAST_DAYS}; from 20 images a label on.",
    "graft_validation_rejected_ratio": "Share of the validation images that was rejected.",
    "graft_validation_top_probability": "Mean probability of the first label on validation images.",
}


class DriftCollector(Collector):
    """Read when it is asked for; a version that answered nothing lately has none."""

    def __init__(self, models: ModelRegistry, sums: DailySums) -> None:
        self._models = models
        self._sums = sums

    def collect(self) -> Iterator[Metric]:
        """Yield the gauges, by model and version."""
        gauges = {
            name: GaugeMetricFamily(name, text, labels=["model", "version"])
            for name, text in GAUGES.items()
        }
        for model in self._models.catalog.models.values():
            for number, published in model.versions.items():
                if published.manifest is None:
                    continue
                drift = find_drift(
                    self._sums.recent(model.name, number),
                    published.manifest.validation_answers,
                    num_labels=len(published.manifest.labels),
                )
                for name, value in _values(drift).items():
                    gauges[name].add_metric([model.name, str(number)], value)
        yield from gauges.values()


def _values(drift: Drift) -> dict[str, float]:
    if drift.recent is None:
        return {}
    values = {
        "graft_recent_images": float(drift.recent.images),
        "graft_recent_rejected_ratio": drift.recent.rejected,
        "graft_recent_top_probability": drift.recent.top_probability,
    }
    if drift.label_shift is not None:
        values["graft_recent_label_shift"] = drift.label_shift
    if drift.validation is not None:
        values["graft_validation_rejected_ratio"] = drift.validation.rejected
        values["graft_validation_top_probability"] = drift.validation.top_probability
    return values
