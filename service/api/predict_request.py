"""One prediction request from its first byte to its answer: the HTTP side of `predictor.py`."""

import dataclasses
from collections.abc import Mapping
from contextlib import ExitStack

from starlette.requests import Request

from service.api.admit_request import Intake, ModelChoice, let_in
from service.api.answer_json import RequestAnswer, answer_json, cache_headers, cache_status
from service.api.cancelled_with_client import cancelled_with_client
from service.api.choose_model import only_model
from service.api.collect_answers import collect_answers
from service.api.how_answered import how_answered
from service.api.query_parameters import OptionsQuery, near_misses
from service.bodies.predict_body import may_hold_options, read_uploads
from service.bodies.uploads import Upload
from service.context import Context
from service.engine.served_model import ServedModel
from service.errors import InvalidParameter
from service.prediction.predictor import PredictOptions
from service.prediction.stages import StageTimes


async def answer(
    request: Request, context: Context, query: OptionsQuery, **named: str
) -> RequestAnswer:
    """Let the request in, read its images, and answer them.

    Args:
        request: the request.
        context: the running service.
        query: its options; the body may add some.
        named: `name` and `version` of the model, where the address has them.

    Raises:
        ServiceError, InferenceError: as `problems.py` lists them.
        RequestValidationError: an option of the body does not fit.
    """
    times: StageTimes = request.state.times
    choice = _choice(query, named)
    with ExitStack() as stack:
        intake = stack.enter_context(let_in(request, context, choice))
        model = None
        # The body may name another model than one that does not answer now.
        if choice.name or _only_model_answers(context) or not may_hold_options(request):
            model = stack.enter_context((await intake.model(choice)).hold())
        with times.measure("receive"):
            uploads = await intake.deadline.while_receiving(
                read_uploads(
                    request,
                    ticket=intake.ticket,
                    limits=context.upload_limits,
                    options=query.names(),
                )
            )
        query = query.with_body(uploads.options)
        if model is None or (uploads.options and _choice(query, named) != choice):
            model = stack.enter_context((await intake.model(_choice(query, named))).hold())
        answered = await _predict(request, intake, model, uploads.images, query.options())
    return _noted(answered, near_misses(uploads.options, query.names()))


def _noted(answered: RequestAnswer, notes: list[str]) -> RequestAnswer:
    """Add notes; without any the answer has no such key."""
    if not notes:
        return answered
    return dataclasses.replace(answered, body={**answered.body, "notes": notes})


async def _predict(
    request: Request,
    intake: Intake,
    model: ServedModel,
    images: list[Upload],
    options: PredictOptions,
) -> RequestAnswer:
    context = intake.context
    if options.label_set:
        _check_sets(model)
    headers = how_answered(request, model)
    cache = context.answer_cache
    asked = await cache.ask(model, images, options) if cache is not None else None
    known = asked.num_known if asked is not None else 0
    with intake.working(model, len(images), known=known) as ends_at:
        async with cancelled_with_client(request):
            outcomes = await context.predictor.predict(
                model,
                images,
                options,
                intake.times,
                deadline=ends_at,
                through=asked.answer if asked is not None else None,
            )
    context.metrics.note_outcomes(model.name, model.version, outcomes)
    context.shadow.offer(model, images, outcomes)
    collect_answers(intake, model, images, outcomes)
    body = answer_json(model, outcomes, options)
    if cache is None:
        return RequestAnswer(body=body, headers=headers)
    request.state.cache_status = cache_status(outcomes)
    return RequestAnswer(body=body, headers={**headers, **cache_headers(outcomes)})


def _only_model_answers(context: Context) -> bool:
    name = only_model(context)
    return name is not None and context.registry.serving_version(name) is not None


def _choice(query: OptionsQuery, named: Mapping[str, str]) -> ModelChoice:
    """Return the model that is asked: by the address, else by the options."""
    return ModelChoice(
        name=named.get("name") or getattr(query, "model", None),
        version=named.get("version") or getattr(query, "version", None),
        precision=query.precision,
    )


def _check_sets(model: ServedModel) -> None:
    if model.classifier.manifest.conformal is None:
        raise InvalidParameter(
            f"set: model {model.name!r} version {model.version} has no prediction sets; train it with "
            "--coverage 0.9"
        )
