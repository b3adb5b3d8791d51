"""The application: parts from settings, routes, errors in one shape, start and end."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from service import __version__, problems
from service.api import openapi
from service.api.direct_route import DirectRoutesMiddleware
from service.collect.flush_sums import flush_now, flush_regularly
from service.context import Lifecycle, build_context
from service.contracts import CONTRACTS
from service.edge import cross_origin, trailing_slash
from service.edge.connection_close import ConnectionCloseMiddleware
from service.edge.forwarded import ForwardedMiddleware
from service.edge.sub_path import SubPathMiddleware
from service.limits.slow_bodies import SlowBodyMiddleware, SlowestBody
from service.routes import admin, feedback, health, metrics, models, oip, page, predict
from service.settings import Settings
from service.shared_folder import SharedFolder
from service.telemetry.observability import InternalErrorMiddleware, ObservabilityMiddleware
from service.telemetry.prometheus import ServiceMetrics
from service.telemetry.start_notice import log_why_not_ready

_ROUTERS = (
    *(part.router for part in (predict, feedback, admin, models, health, metrics, page)),
    *(oip.open_router, oip.router, oip.admin_router),
)


def create_app(settings: Settings | None = None, *, shared: SharedFolder | None = None) -> FastAPI:
    """Return the service. Models are loaded in the background once it has started.

    `shared` is given where it is one process of several; see `workers.py`.

    Raises:
        pydantic.ValidationError: `settings` is None and the `GRAFT_…` variables do not fit.
    """
    settings = settings or Settings()
    counters = ServiceMetrics(shared_dir=shared.metrics_dir if shared else None)
    lifecycle = Lifecycle()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        context = build_context(settings, metrics=counters, lifecycle=lifecycle, shared=shared)
        app.state.context = context
        if context.collector is not None:
            context.collector.start()
        await context.registry.start()
        notice = asyncio.create_task(log_why_not_ready(context.registry, settings, shared))
        flushing = asyncio.create_task(flush_regularly(context.daily_sums), name="daily-sums")
        yield
        notice.cancel()
        flushing.cancel()
        lifecycle.draining = True
        await context.shadow.close()
        await context.registry.close()
        context.predictor.close()
        await flush_now(context.daily_sums)
        if context.collector is not None:
            await asyncio.to_thread(context.collector.close)

    app = FastAPI(
        title="Graft",
        version=__version__,
        description="Classify images with the models that were published here.",
        lifespan=lifespan,
        middleware=list(_middleware(settings, counters, lifecycle)),
        telemetry={"auto_configure": True},  # where an OTEL_EXPORTER_OTLP_…ENDPOINT is set
        docs_url=None,  # our own, without scripts from elsewhere: `routes/page.py`
        redoc_url=None,
    )
    trailing_slash.install(app)
    app.state.lifecycle = lifecycle
    app.state.metrics = counters
    problems.install(app)
    openapi.install(app)
    if settings.contract != "none":  # first, for it may have an address of ours
        app.include_router(CONTRACTS[settings.contract].router(os.environ))
    for router in _ROUTERS:
        app.include_router(router)
    return app


def _middleware(
    settings: Settings, metrics: ServiceMetrics, lifecycle: Lifecycle
) -> Iterator[Middleware]:
    """Yield what every request goes through, from the outside in."""
    yield Middleware(ConnectionCloseMiddleware, lifecycle=lifecycle)
    if settings.root_path:
        yield Middleware(SubPathMiddleware, root_path=settings.root_path)
    if settings.trusted_proxies:
        yield Middleware(ForwardedMiddleware, trusted_proxies=settings.trusted_proxies)
    yield Middleware(ObservabilityMiddleware, metrics=metrics)
    if settings.cors_origins:
        options = cross_origin.middleware_options(settings.cors_origins)
        yield Middleware(CORSMiddleware, **options)
    yield Middleware(InternalErrorMiddleware)
    yield Middleware(SlowBodyMiddleware, slowest=_slowest_body(settings))
    if settings.contract == "none":  # a platform's addresses may be these, and come first
        yield Middleware(DirectRoutesMiddleware, routes=predict.router.routes)


def _slowest_body(settings: Settings) -> SlowestBody:
    return SlowestBody(
        timeout_s=settings.body_timeout_s, min_bytes_per_s=settings.min_body_bytes_per_s
    )
