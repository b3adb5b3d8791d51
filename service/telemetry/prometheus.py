"""Prometheus metrics, in base units, of a registry of the application's own."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, Generic, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from service.limits.admission import Admission
from service.prediction.answer_cache import AnswerCache
from service.prediction.predictor import Outcome
from service.prediction.stages import StageTimes
from service.problems import kind_of
from service.repository.registry import ModelRegistry
from service.telemetry.shared_numbers import use_allocated_files

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

_IN_SERVICE: Final = ("graft_images_in_service", "Images being answered.")
_BUFFERED: Final = ("graft_buffered_bytes", "Bytes of bodies being held.")
_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_BATCH: Final = (1, 2, 4, 8, 16, 32, 64, 128)
_SHARES: Final = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)


_Metric = TypeVar("_Metric", bound=MetricWrapperBase)


class _Labelled(Generic[_Metric]):
    """A metric whose values by label are found again without its own lookup, which takes a lock."""

    def __init__(self, metric: _Metric) -> None:
        self._metric = metric
        self._values: dict[tuple[str, ...], _Metric] = {}

    def __call__(self, *labels: str) -> _Metric:
        found = self._values.get(labels)
        if found is None:
            found = self._values[labels] = self._metric.labels(*labels)
        return found


class ServiceMetrics:
    """What the service counts. File names and labels never become metric labels."""

    def __init__(self, *, shared_dir: Path | None = None) -> None:
        """Begin to count; `shared_dir` is where the processes of one service keep their numbers."""
        self._shared_dir = shared_dir
        if shared_dir is not None:
            use_allocated_files()
        self._registry = CollectorRegistry()
        self._states = CollectorRegistry()
        self._load: tuple[Gauge, Gauge] | None = None
        self._requests = _Labelled(Counter(
            "graft_requests", "Requests by address and status.", ["route", "method", "status"],
            registry=self._registry,
        ))  # fmt: skip
        self._request_seconds = _Labelled(Histogram(
            "graft_request_duration_seconds", "From the first byte to the last.", ["route"],
            buckets=_SECONDS, registry=self._registry,
        ))  # fmt: skip
        self._refused = _Labelled(Counter(
            "graft_problems", "Requests answered with a problem, by its code.", ["code"],
            registry=self._registry,
        ))  # fmt: skip
        self._images = _Labelled(Counter(
            "graft_images", "Images answered, by model and outcome.", ["model", "version", "outcome"],
            registry=self._registry,
        ))  # fmt: skip
        self._probability = _Labelled(Histogram(
            "graft_top_probability", "Probability of the first label; its drift tells of new data.",
            ["model", "version"], buckets=_SHARES, registry=self._registry,
        ))  # fmt: skip
        self._stage_seconds = _Labelled(Histogram(
            "graft_stage_duration_seconds", "Slowest image of each request, by stage.", ["stage"],
            buckets=_SECONDS, registry=self._registry,
        ))  # fmt: skip
        self._batch_images = _Labelled(Histogram(
            "graft_batch_images", "Images in one run of the model.", ["model", "version"],
            buckets=_BATCH, registry=self._registry,
        ))  # fmt: skip
        self._batch_seconds = _Labelled(Histogram(
            "graft_batch_duration_seconds", "Time of one run of the model.", ["model", "version"],
            buckets=_SECONDS, registry=self._registry,
        ))  # fmt: skip

        self._agreement = _Labelled(Counter(
            "graft_shadow_images", "Images by how the shadow version's label compares.",
            ["model", "version", "shadow", "agreement"], registry=self._registry,
        ))  # fmt: skip
        self._kept = _Labelled(Counter(
            "graft_kept_images", "Images that GRAFT_KEEP chose, by what became of them.", ["outcome"],
            registry=self._registry,
        ))  # fmt: skip
        self._feedback = _Labelled(Counter(
            "graft_feedback", "Right labels that were sent, by whether the answer had been the same.",
            ["model", "version", "agreement"], registry=self._registry,
        ))  # fmt: skip
        self._answer_lookups = _Labelled(Counter(
            "graft_answer_cache_images", "Images by whether their answer was kept (hit), being made "
            "for another request (collapsed) or neither (miss).", ["lookup"],
            registry=self._registry,
        ))  # fmt: skip
        if shared_dir is not None:
            self._make_files()

    def watch(self, models: ModelRegistry, admission: Admission) -> None:
        """Show the state of the models and of the queue at each scrape."""
        self._states.register(_StateCollector(models, admission))
        self._admission = admission
        if self._shared_dir is None:
            self._states.register(_LoadCollector(admission))
        else:
            self._load = (self._sum(_IN_SERVICE), self._sum(_BUFFERED))

    def watch_drift(self, drift: Collector) -> None:
        """Show how the answers of the last days compare, at each scrape."""
        self._states.register(drift)

    def watch_answer_cache(self, cache: AnswerCache) -> None:
        """Show what is kept of answers at each scrape."""
        self._states.register(_AnswerCacheCollector(cache))

    def _make_files(self) -> None:
        """Have the files made now, a kind each, and not when disk or file descriptors may be short."""
        self._refused("overloaded")
        self._request_seconds("/predict")

    def publish_load(self) -> None:
        """Let the other processes know how much is in this one. Does nothing where there is one."""
        if self._load is not None:
            in_service, buffered = self._load
            in_service.set(self._admission.num_images)
            buffered.set(self._admission.num_bytes)

    def _sum(self, name_and_help: tuple[str, str]) -> Gauge:
        return Gauge(*name_and_help, multiprocess_mode="livesum", registry=self._registry)

    def note_request(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count a finished request."""
        self._requests(route, method, str(status)).inc()
        self._request_seconds(route).observe(seconds)

    def note_problem(self, code: str) -> None:
        """Count a request that was answered with a problem."""
        self._refused(code).inc()

    def note_stages(self, times: StageTimes) -> None:
        """Record the stages of a request."""
        for stage, seconds in times.seconds.items():
            self._stage_seconds(stage).observe(seconds)

    def note_batch(self, model: str, version: int, num_images: int, seconds: float) -> None:
        """Record a run of a model."""
        self._batch_images(model, str(version)).observe(num_images)
        self._batch_seconds(model, str(version)).observe(seconds)

    def note_outcomes(self, model: str, version: int, outcomes: Iterable[Outcome]) -> None:
        """Count the images of a request."""
        for outcome in outcomes:
            self._images(model, str(version), _outcome_name(outcome)).inc()
            if outcome.prediction is not None:
                self._probability(model, str(version)).observe(outcome.prediction.probability)

    def note_agreement(
        self, model: str, version: int, shadow: int, agreement: str, num_images: int
    ) -> None:
        """Count images that a shadow version was, or was not, given too."""
        self._agreement(model, str(version), str(shadow), agreement).inc(num_images)

    def note_answer_lookup(self, lookup: str) -> None:
        """Count an image that was looked for among the answers kept."""
        self._answer_lookups(lookup).inc()

    def note_kept(self, outcome: str) -> None:
        """Count an image that was to be kept; from any thread."""
        self._kept(outcome).inc()

    def note_feedback(self, model: str, version: int, *, agrees: bool) -> None:
        """Count a right label."""
        self._feedback(model, str(version), "agree" if agrees else "disagree").inc()

    def render(self) -> bytes:
        """Return all metrics in Prometheus' text format.

        Of several processes, what they counted is summed; the states of models are this one's.
        """
        counted = self._registry
        if self._shared_dir is not None:
            counted = CollectorRegistry()
            MultiProcessCollector(counted, path=str(self._shared_dir))  # type: ignore[no-untyped-call]
        return generate_latest(counted) + generate_latest(self._states)


class _StateCollector(Collector):
    """Gauges that are read off the registry when they are asked for."""

    def __init__(self, models: ModelRegistry, admission: Admission) -> None:
        self._models = models
        self._admission = admission

    def collect(self) -> Iterator[Metric]:
        state = GaugeMetricFamily(
            "graft_model_state",
            "1 for the state that a version is in.",
            labels=["model", "version", "state"],
        )
        running = GaugeMetricFamily(
            "graft_model_loaded",
            "1 for each precision in memory, with the hardware it really runs on.",
            labels=["model", "version", "precision", "provider"],
        )
        for model in self._models.catalog.models.values():
            for number, published in model.versions.items():
                status = self._models.status(published)
                state.add_metric([model.name, str(number), status.state], 1)
                for variant in status.loaded:
                    labels = [model.name, str(number), variant.precision, variant.provider]
                    running.add_metric(labels, 1)
        yield state
        yield running
        waiting = GaugeMetricFamily(
            "graft_images_waiting", "Images in a model's queue.", labels=["model", "version"]
        )
        for served in self._models.served_models():
            waiting.add_metric([served.name, str(served.version)], served.num_waiting)
        wait = GaugeMetricFamily(
            "graft_predicted_wait_seconds",
            "When one more image of a model would be answered, from now.",
            labels=["model"],
        )
        for name in self._models.catalog.models:
            wait.add_metric([name], self._admission.predicted_wait_s(name))
        yield waiting
        yield wait


class _LoadCollector(Collector):
    """How much a lone process holds, read when it is asked for."""

    def __init__(self, admission: Admission) -> None:
        self._admission = admission

    def collect(self) -> Iterator[Metric]:
        yield GaugeMetricFamily(*_IN_SERVICE, value=self._admission.num_images)
        yield GaugeMetricFamily(*_BUFFERED, value=self._admission.num_bytes)


class _AnswerCacheCollector(Collector):
    """What this process keeps of answers, read when it is asked for."""

    def __init__(self, cache: AnswerCache) -> None:
        self._cache = cache

    def collect(self) -> Iterator[Metric]:
        yield GaugeMetricFamily(
            "graft_answer_cache_bytes", "Memory of the answers kept.", value=self._cache.num_bytes
        )
        yield GaugeMetricFamily(
            "graft_answer_cache_answers", "Answers kept.", value=len(self._cache)
        )


def _outcome_name(outcome: Outcome) -> str:
    if outcome.error is not None:
        return kind_of(outcome.error).code
    return "rejected" if outcome.prediction and outcome.prediction.rejected else "accepted"
