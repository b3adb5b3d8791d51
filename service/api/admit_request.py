"""What every request for predictions goes through before its images are read, in this order.

Its caller's rate, its deadline, its model, room in the service, and whether it would be answered in time.
"""

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

from starlette.requests import Request

from inference.precision import AskedPrecision
from service.context import Context
from service.engine.served_model import ServedModel
from service.errors import ModelNotChosen, NoModels
from service.limits.admission import Ticket
from service.limits.deadlines import TIMEOUT_HEADER, Deadline
from service.prediction.stages import StageTimes
from service.repository.readiness import why_no_model


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelChoice:
    """The model and version that a request names, where it names them."""

    name: str | None
    version: str | None
    precision: AskedPrecision = "auto"


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """A request that was let in, with the model that will answer it."""

    context: Context
    caller: str
    model: ServedModel
    ticket: Ticket
    deadline: Deadline
    times: StageTimes

    @contextmanager
    def working(self, images: int, *, timeout_s: float | None = None) -> Iterator[float]:
        """Begin to answer the request's images, all of which have come; yield until when.

        The time is one of `time.monotonic`; `timeout_s` from now at most, where it is given.

        Raises:
            Overloaded: they could not be answered in time.
        """
        self.context.rate_limit.take_rest(self.caller, images - 1)
        left_s = self.deadline.left_s()
        if timeout_s is not None:
            left_s = min(left_s, timeout_s)
        started, ok = time.monotonic(), False
        try:
            with self.context.admission.working(
                self.model.name,
                images=images,
                time_left_s=left_s,
                expected_per_s=self.model.tuning.images_per_s,
            ):
                yield started + left_s
            ok = True
        finally:
            self.context.statistics.note_request(
                self.model.name,
                self.model.version,
                images=images,
                times=self.times,
                seconds=time.monotonic() - started,
                ok=ok,
            )


@asynccontextmanager
async def let_in(request: Request, context: Context, choice: ModelChoice) -> AsyncIterator[Intake]:
    """Let a request in that holds at least one image; give its room back at the end.

    Raises:
        RateLimited: its caller sends more than it may.
        InvalidParameter: its deadline or precision does not fit.
        ModelNotChosen, NoModels, ModelNotFound, ModelNotReady: its model.
        Overloaded: there is no room, or it would not be answered in time.
    """
    caller: str = request.state.caller
    context.rate_limit.take_first(caller)
    deadline = Deadline.of_request(
        request.headers.get(TIMEOUT_HEADER), answer_within_s=context.settings.request_timeout_s
    )
    name = choose_model(context, choice.name)
    left_s = deadline.left_s()
    with context.admission.admit(name, time_left_s=left_s) as ticket:
        async with context.registry.use(
            name,
            version=choice.version,
            precision=choice.precision,
            traffic_key=request.state.request_id,
            timeout_s=left_s,
        ) as model:
            yield Intake(
                context=context,
                caller=caller,
                model=model,
                ticket=ticket,
                deadline=deadline,
                times=request.state.times,
            )


def choose_model(context: Context, name: str | None) -> str:
    """Return the model that a request means.

    Raises:
        ModelNotChosen: it names none and there are several.
        NoModels: nothing is published.
    """
    chosen = name or context.settings.default_model
    if chosen is not None:
        return chosen
    models = context.registry.catalog.models
    names = sorted(name for name, model in models.items() if model.can_answer) or sorted(models)
    if not names:
        raise NoModels(why_no_model(context.registry))
    if len(names) > 1:
        raise ModelNotChosen(
            f"there are several models; choose one with ?model=NAME: {', '.join(names)[:500]}"
        )
    return names[0]
