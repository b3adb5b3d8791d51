"""What the routes work with, built once when the application starts."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from inference import Repository, SessionConfig
from inference.cores import usable_cores
from inference.decoding import limits_for
from inference.session import why_never_run
from inference.trial import TrialLimits, Trials
from service.bodies.uploads import UploadLimits
from service.collect.collector import Collector
from service.collect.daily_sums import SUMS_FOLDER, DailySums
from service.collect.keep_folder import KeepFolder
from service.collect.keep_room import KeepRoom
from service.engine.served_model import ServedModel
from service.engine.tuning import LoadedModel, Tuner
from service.engine.verified_loading import ModelLoader
from service.keep_policy import parse_keep
from service.limits.access import Access
from service.limits.admission import Admission
from service.limits.freed_bodies import FreedBodies
from service.limits.rate_limit import RateLimit
from service.prediction.answer_cache import AnswerCache
from service.prediction.predictor import Predictor
from service.prediction.shadow import Shadow
from service.repository.model_cache import ModelCache
from service.repository.operations import Operations
from service.repository.process_memory import give_back_freed_memory
from service.repository.registry import ModelRegistry
from service.repository.trial_queue import TrialQueue
from service.settings import Settings
from service.shared_folder import SharedFolder
from service.telemetry.drift_metrics import DriftCollector
from service.telemetry.prometheus import ServiceMetrics
from service.telemetry.statistics import InferenceStatistics


@dataclass(slots=True)
class Lifecycle:
    """Whether the service is on its way out: it answers still, but wants no new traffic."""

    draining: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The parts of one running service.

    `collector` is None where no images are kept, `answer_cache` where no answers are.
    """

    settings: Settings
    registry: ModelRegistry
    predictor: Predictor
    answer_cache: AnswerCache | None
    shadow: Shadow
    keep_folder: KeepFolder
    collector: Collector | None
    daily_sums: DailySums
    admission: Admission
    freed_bodies: FreedBodies
    rate_limit: RateLimit
    access: Access
    metrics: ServiceMetrics
    statistics: InferenceStatistics
    lifecycle: Lifecycle
    upload_limits: UploadLimits


def session_config(settings: Settings) -> SessionConfig:
    """Return where and how models run."""
    return SessionConfig(
        provider=settings.provider,
        require_gpu=settings.require_gpu,
        intra_op_threads=settings.intra_op_threads,
        max_batch=settings.max_batch,
        cuda_graphs=settings.cuda_graphs,
        engine_cache_dir=settings.engine_cache_dir,
        # While a model is loaded; one in service has less.
        run_limit_s=trial_limits(settings).clock_s if settings.trial_cpu_s else None,
    )


def trial_limits(settings: Settings) -> TrialLimits:
    """Return what trying a new model may take."""
    return TrialLimits(cpu_s=settings.trial_cpu_s, memory_bytes=settings.trial_memory_mb * 2**20)


def build_context(
    settings: Settings,
    *,
    metrics: ServiceMetrics,
    lifecycle: Lifecycle,
    shared: SharedFolder | None = None,
) -> Context:
    """Build the parts from the settings. Nothing runs yet."""
    operations = Operations(file=shared.operations_file if shared else None)
    admission = Admission(max_images=settings.max_waiting, max_bytes=settings.max_buffered_bytes)
    statistics = InferenceStatistics()
    answer_cache = _build_answer_cache(settings, metrics)
    registry = _build_registry(settings, metrics, statistics, operations, answer_cache)
    metrics.watch(registry, admission)
    daily_sums = DailySums(_sums_folder(settings, shared))
    metrics.watch_drift(DriftCollector(registry, daily_sums))
    predictor = Predictor(
        decode_threads=settings.decode_threads or usable_cores(shared_by=settings.workers),
        limits=limits_for(
            max_bytes=settings.max_image_bytes,
            max_pixels=settings.max_pixels,
            max_side_px=settings.max_side_px,
        ),
    )
    keep_folder = KeepFolder(keep_room(settings))
    return Context(
        settings=settings,
        registry=registry,
        predictor=predictor,
        answer_cache=answer_cache,
        shadow=Shadow(registry, predictor, admission, observe=metrics.note_agreement),
        keep_folder=keep_folder,
        collector=_build_collector(settings, metrics, keep_folder),
        daily_sums=daily_sums,
        admission=admission,
        freed_bodies=FreedBodies(give_back_freed_memory),
        rate_limit=RateLimit(per_s=settings.rate_limit_per_s, burst=settings.rate_limit_burst),
        access=Access(api_keys=settings.api_keys, admin_keys=settings.admin_keys),
        metrics=metrics,
        statistics=statistics,
        lifecycle=lifecycle,
        upload_limits=UploadLimits(
            max_image_bytes=settings.max_image_bytes,
            max_request_bytes=settings.max_request_bytes,
            max_images=settings.max_images,
        ),
    )


def _sums_folder(settings: Settings, shared: SharedFolder | None) -> Path | None:
    """Return where the sums of answers lie: with what is kept, else where the processes share things."""
    if settings.keep:
        return settings.keep_dir / SUMS_FOLDER
    return shared.sums_dir if shared is not None else None


def keep_room(settings: Settings) -> KeepRoom:
    """Return the bounds of what is kept for review."""
    return KeepRoom(
        folder=settings.keep_dir,
        max_bytes=settings.keep_max_mb * 2**20,
        max_days=settings.keep_days,
    )


def _build_collector(
    settings: Settings, metrics: ServiceMetrics, folder: KeepFolder
) -> Collector | None:
    policy = parse_keep(settings.keep)
    if not policy.keeps_any:
        return None
    return Collector(
        policy, folder, max_image_bytes=settings.max_image_bytes, observe=metrics.note_kept
    )


def _build_answer_cache(settings: Settings, metrics: ServiceMetrics) -> AnswerCache | None:
    if not settings.answer_cache_mb:
        return None
    cache = AnswerCache(
        max_bytes=settings.answer_cache_mb * 2**20, observe=metrics.note_answer_lookup
    )
    metrics.watch_answer_cache(cache)
    return cache


def _build_registry(
    settings: Settings,
    metrics: ServiceMetrics,
    statistics: InferenceStatistics,
    operations: Operations,
    answer_cache: AnswerCache | None,
) -> ModelRegistry:
    def observe(model: str, version: int, num_images: int, seconds: float) -> None:
        metrics.note_batch(model, version, num_images, seconds)
        statistics.note_batch(model, version, num_images, seconds)

    cores = usable_cores(shared_by=settings.workers)
    tuner = Tuner(
        cores=cores,
        max_batch=settings.max_batch,
        intra_op_threads=settings.intra_op_threads,
        budget_s=settings.tune_s,
        decode_in_batch=settings.decode_threads == 0,
    )
    trials = Trials(trial_limits(settings))
    loader = ModelLoader(
        session=session_config(settings),
        tuner=tuner,
        trials=trials if settings.trial_cpu_s else None,
        trial_threads=cores,
    )

    def serve(loaded: LoadedModel) -> ServedModel:
        return ServedModel(
            loaded,
            max_wait_s=settings.max_batch_wait_ms / 1e3,
            max_queue=settings.max_waiting,
            observe=observe,
            # Whoever asked has had its answer by then.
            run_limit_s=settings.request_timeout_s,
            note_retired=answer_cache.forget if answer_cache is not None else None,
        )

    model_cache = ModelCache(
        trials=TrialQueue(loader.try_out, end=trials.close),
        load=loader.load,
        serve=serve,
        max_on_demand=settings.max_on_demand,
        max_memory_bytes=settings.model_memory_mb * 2**20,
        grace_s=settings.shutdown_grace_s,
    )
    return ModelRegistry(
        Repository(settings.models_dir),
        model_cache=model_cache,
        operations=operations,
        poll_interval_s=settings.poll_interval_s,
        default_model=settings.default_model,
        why_never_run=partial(why_never_run, config=session_config(settings)),
    )
