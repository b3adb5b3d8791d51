"""What every request for predictions goes through before its images are read, in this order.

Its caller's rate, its deadline, its model, room in the service, and whether it would be answered in time.
A model may also be named in the body: then it is looked for, and the wait for it predicted, when that was
read.
"""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request

from inference.precision import AskedPrecision
from service.api.choose_model import choose_model, only_model
from service.bodies.predict_body import may_hold_options
from service.context import Context
from service.engine.served_model import ServedModel
from service.limits.admission import Ticket
from service.limits.deadlines import TIMEOUT_HEADER, Deadline
from service.prediction.stages import StageTimes

# A model that is in memory is found at once.
_WAITED_S: Final = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelChoice:
    """The model and version that a request names, where it names them."""

    name: str | None
    version: str | None
    precision: AskedPrecision = "auto"


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """A request that was let in."""

    context: Context
    caller: str
    traffic_key: str
    ticket: Ticket
    deadline: Deadline
    times: StageTimes

    async def model(self, choice: ModelChoice) -> ServedModel:
        """Return the model that a request names; hold it before anything else is awaited.

        Who comes before the models folder has been read waits for that.

        Raises:
            InvalidParameter: it has no such precision.
            ModelNotChosen, NoModels, ModelNotFound, ModelNotReady: there is none to answer.
        """
        registry = self.context.registry
        started = time.perf_counter()
        if not registry.has_looked:
            await registry.first_look(timeout_s=self.deadline.left_s())
        model = await registry.find(
            choose_model(self.context, choice.name),
            version=choice.version,
            precision=choice.precision,
            traffic_key=self.traffic_key,
            timeout_s=self.deadline.left_s(),
        )
        if (waited_s := time.perf_counter() - started) > _WAITED_S:
            self.times.note("load", waited_s)
        return model

    @contextmanager
    def working(
        self, model: ServedModel, images: int, *, known: int = 0, timeout_s: float | None = None
    ) -> Iterator[float]:
        """Begin to answer the request's images, all of which have come; yield until when.

        The time is one of `time.monotonic`; `timeout_s` from now at most, where it is given. The answers
        of `known` images are there already: they are no work of the model's and wait for nobody.

        Raises:
            Overloaded: they could not be answered in time.
        """
        self.context.rate_limit.take_rest(self.caller, images - 1)
        left_s = self.deadline.left_s()
        if timeout_s is not None:
            left_s = min(left_s, timeout_s)
        started, ok = time.monotonic(), False
        try:
            with ExitStack() as stack:
                if images > known:
                    work = self.context.admission.working(
                        model.name,
                        images=images - known,
                        time_left_s=left_s,
                        expected_per_s=model.tuning.images_per_s,
                    )
                    stack.enter_context(work)
                yield started + left_s
            ok = True
        finally:
            self.context.statistics.note_request(
                model.name,
                model.version,
                images=images,
                times=self.times,
                seconds=time.monotonic() - started,
                ok=ok,
            )


@contextmanager
def let_in(request: Request, context: Context, choice: ModelChoice) -> Iterator[Intake]:
    """Let a request in that holds at least one image; give its room back at the end.

    Raises:
        RateLimited: its caller sends more than it may.
        InvalidParameter: its deadline does not fit.
        Overloaded: there is no room, or it would not be answered in time.
    """
    caller: str = request.state.caller
    context.rate_limit.take_first(caller)
    deadline = Deadline.of_request(
        request.headers.get(TIMEOUT_HEADER), answer_within_s=context.settings.request_timeout_s
    )
    known = choice.name or _only_possible_model(request, context) or ""
    with context.admission.admit(known, time_left_s=deadline.left_s()) as ticket:
        try:
            yield Intake(
                context=context,
                caller=caller,
                traffic_key=request.state.request_id,
                ticket=ticket,
                deadline=deadline,
                times=request.state.times,
            )
        finally:
            context.freed_bodies.note(ticket.num_bytes)


def _only_possible_model(request: Request, context: Context) -> str | None:
    """Return the model that answers a request whose address names none, unless its body may name another."""
    if len(context.registry.catalog.models) > 1 and may_hold_options(request):
        return None
    return only_model(context)
