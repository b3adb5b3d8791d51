"""One inference request of the protocol from its first byte to its answer."""

import asyncio
from contextlib import ExitStack

from starlette.requests import Request
from starlette.responses import Response

from service.api.admit_request import Intake, ModelChoice, let_in
from service.api.cancelled_with_client import cancelled_with_client
from service.api.collect_answers import collect_answers
from service.api.how_answered import how_answered
from service.bodies.reading import Body
from service.context import Context
from service.engine.served_model import ServedModel
from service.limits.admission import Ticket
from service.oip.infer import Inferred, infer
from service.oip.wire import HEADER_LENGTH, InferRequest, parse_request, render_response
from service.prediction.predictor import Outcome
from service.prediction.stages import StageTimes


async def answer_infer(request: Request, context: Context, choice: ModelChoice) -> Response:
    """Let the request in, read its tensor, and run it.

    Raises:
        ServiceError, InferenceError: as `problems.py` lists them.
    """
    times: StageTimes = request.state.times
    with ExitStack() as stack:
        intake = stack.enter_context(let_in(request, context, choice))
        model = stack.enter_context((await intake.model(choice)).hold())
        with times.measure("receive"):
            parsed = await intake.deadline.while_receiving(_read(request, context, intake.ticket))
        headers = dict(how_answered(request, model))
        with intake.working(model, len(parsed.values), timeout_s=parsed.timeout_s) as ends_at:
            async with cancelled_with_client(request):
                inferred = await infer(
                    model, parsed, context.predictor, deadline=ends_at, times=times
                )
        _note_images(intake, model, parsed, inferred)
        body, header_length = await asyncio.to_thread(
            render_response,
            model=model.name,
            version=model.version,
            request_id=parsed.id,
            tensors=inferred.tensors,
        )
    if header_length is None:
        return Response(body, headers=headers, media_type="application/json")
    headers[HEADER_LENGTH] = str(header_length)
    return Response(body, media_type="application/octet-stream", headers=headers)


def _note_images(
    intake: Intake, model: ServedModel, request: InferRequest, inferred: Inferred
) -> None:
    """Count, compare and keep as of /predict what came encoded; of tensors there is no image."""
    if not isinstance(request.values, list):
        return
    answers = [model.classifier.interpret(row)[0] for row in inferred.rows]
    outcomes = [Outcome(filename=None, prediction=answer) for answer in answers]
    intake.context.metrics.note_outcomes(model.name, model.version, outcomes)
    intake.context.shadow.offer(model, request.values, outcomes)
    collect_answers(intake, model, request.values, outcomes)


async def _read(request: Request, context: Context, ticket: Ticket) -> InferRequest:
    limits = context.upload_limits
    body = await Body(request, ticket=ticket).whole(max_bytes=limits.max_request_bytes)
    parsed = await asyncio.to_thread(
        parse_request, body, request.headers.get(HEADER_LENGTH), limits=limits
    )
    ticket.add_images(len(parsed.values) - 1)
    return parsed
