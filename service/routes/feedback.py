"""The right label of an image, sent by a program."""

from fastapi import APIRouter, Request

from service.api.dependencies import MODELS_ARE_READ, PREDICT_ACCESS, ContextDep
from service.api.openapi import FEEDBACK_BODY, problems
from service.api.take_feedback import take_feedback
from service.bodies.small_bodies import read_feedback
from service.schemas import FeedbackTaken

router = APIRouter(
    tags=["feedback"],
    dependencies=[PREDICT_ACCESS, MODELS_ARE_READ],
    responses=problems(400, 401, 403, 404, 408, 413, 415, 422, 429, 500, 503),
)


@router.post("/feedback", openapi_extra=FEEDBACK_BODY)
async def feedback(request: Request, context: ContextDep) -> FeedbackTaken:
    """Say which label would have been right for an image that was kept."""
    context.rate_limit.take_first(request.state.caller)
    return await take_feedback(context, await read_feedback(request))
