"""One inference request of the protocol from its first byte to its answer."""

import asyncio

from starlette.requests import Request
from starlette.responses import Response

from service.api.admit_request import ModelChoice, let_in
from service.api.predict_request import cancelled_with_client
from service.bodies.reading import read_body, refuse_encoded
from service.context import Context
from service.errors import TooManyImages
from service.limits.admission import Ticket
from service.oip.infer import infer
from service.oip.wire import HEADER_LENGTH, InferRequest, parse_request, render_response
from service.prediction.stages import StageTimes


async def answer_infer(request: Request, context: Context, choice: ModelChoice) -> Response:
    """Let the request in, read its tensor, and run it.

    Raises:
        ServiceError, InferenceError: as `problems.py` lists them.
    """
    times: StageTimes = request.state.times
    async with let_in(request, context, choice) as intake:
        async with intake.deadline.while_receiving():
            with times.measure("receive"):
                parsed = await _read(request, context, intake.ticket)
        with intake.working(len(parsed.values), timeout_s=parsed.timeout_s) as ends_at:
            async with cancelled_with_client(request):
                tensors = await infer(
                    intake.model, parsed, context.predictor, deadline=ends_at, times=times
                )
        body, header_length = await asyncio.to_thread(
            render_response,
            model=intake.model.name,
            version=intake.model.version,
            request_id=parsed.id,
            tensors=tensors,
        )
    if header_length is None:
        return Response(body, media_type="application/json")
    headers = {HEADER_LENGTH: str(header_length)}
    return Response(body, media_type="application/octet-stream", headers=headers)


async def _read(request: Request, context: Context, ticket: Ticket) -> InferRequest:
    refuse_encoded(request)
    limits = context.upload_limits
    body = await read_body(request, ticket=ticket, max_bytes=limits.max_request_bytes)
    parsed = await asyncio.to_thread(parse_request, body, request.headers.get(HEADER_LENGTH))
    num_images = len(parsed.values)
    if num_images > limits.max_images:
        raise TooManyImages(
            f"{num_images} images in one request, limit is {limits.max_images}; send them in several"
        )
    ticket.add_images(num_images - 1)
    return parsed
