"""One inference request of the protocol from its first byte to its answer."""

import asyncio

from starlette.requests import Request
from starlette.responses import Response

from service.admission import Ticket
from service.answering import cancelled_with_client
from service.context import Context
from service.errors import BodyTimeout, TooManyImages
from service.oip.infer import infer
from service.oip.wire import HEADER_LENGTH, InferRequest, parse_request, render_response
from service.stages import StageTimes
from service.uploads import read_body, refuse_encoded


async def answer_infer(
    request: Request, context: Context, name: str, version: str | None
) -> Response:
    """Choose the model, let the request in, read its tensor, and run it.

    Raises:
        ServiceError, InferenceError: as `problems.py` lists them.
    """
    times: StageTimes = request.state.times
    timeout_s = context.settings.request_timeout_s
    with context.admission.admit() as ticket:
        async with context.registry.use(name, version=version, timeout_s=timeout_s) as model:
            with times.measure("receive"):
                parsed = await _read(request, context, ticket)
            async with cancelled_with_client(request):
                tensors = await infer(model, parsed, timeout_s=timeout_s, times=times)
            body, header_length = await asyncio.to_thread(
                render_response,
                model=model.name,
                version=model.version,
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
    try:
        async with asyncio.timeout(limits.body_timeout_s):
            body = await read_body(request, ticket=ticket, max_bytes=limits.max_request_bytes)
    except TimeoutError as err:
        raise BodyTimeout(
            f"the body did not arrive within {limits.body_timeout_s:g} s; send it faster"
        ) from err
    parsed = await asyncio.to_thread(parse_request, body, request.headers.get(HEADER_LENGTH))
    num_images = len(parsed.values)
    if num_images > limits.max_images:
        raise TooManyImages(
            f"{num_images} images in one request, limit is {limits.max_images}; send them in several"
        )
    ticket.add_images(num_images - 1)
    return parsed
