"""One prediction request from its first byte to its answer: the HTTP side of `predictor.py`."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from inference import LabelProbability, Prediction
from service import schemas
from service.api.admit_request import Intake, ModelChoice, let_in
from service.api.choose_model import only_model
from service.api.collect_answers import collect_answers
from service.api.query_parameters import OptionsQuery, near_misses
from service.bodies.predict_body import may_hold_options, read_uploads
from service.bodies.uploads import Upload
from service.context import Context
from service.engine.served_model import ServedModel
from service.errors import InvalidParameter, NoImageAnswered
from service.prediction.predictor import Outcome, PredictOptions
from service.prediction.stages import StageTimes
from service.problems import image_problem


async def answer(
    request: Request, context: Context, query: OptionsQuery, **named: str
) -> schemas.PredictResponse:
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
    async with AsyncExitStack() as stack:
        intake = stack.enter_context(let_in(request, context, choice))
        model = None
        if choice.name or only_model(context) or not may_hold_options(request):
            model = await stack.enter_async_context(intake.using(choice))
        async with intake.deadline.while_receiving():
            with times.measure("receive"):
                uploads = await read_uploads(
                    request,
                    ticket=intake.ticket,
                    limits=context.upload_limits,
                    options=query.names(),
                )
        query = query.with_body(uploads.options)
        if model is None or _choice(query, named) != choice:
            model = await stack.enter_async_context(intake.using(_choice(query, named)))
        answered = await _predict(request, intake, model, uploads.images, query.options())
    return _noted(answered, near_misses(uploads.options, query.names()))


def _noted(answered: schemas.PredictResponse, notes: list[str]) -> schemas.PredictResponse:
    """Add notes; without any the answer has no such key."""
    return answered.model_copy(update={"notes": notes}) if notes else answered


async def _predict(
    request: Request,
    intake: Intake,
    model: ServedModel,
    images: list[Upload],
    options: PredictOptions,
) -> schemas.PredictResponse:
    context = intake.context
    if options.label_set:
        _check_sets(model)
    with intake.working(model, len(images)) as ends_at:
        async with cancelled_with_client(request):
            outcomes = await context.predictor.predict(
                model, images, options, intake.times, deadline=ends_at
            )
    context.metrics.note_outcomes(model.name, model.version, outcomes)
    context.shadow.offer(model, images, outcomes)
    collect_answers(intake, model, images, outcomes)
    return _response(model, outcomes, options)


def _choice(query: OptionsQuery, named: Mapping[str, str]) -> ModelChoice:
    """Return the model that is asked: by the address, else by the options."""
    return ModelChoice(
        name=named.get("name") or getattr(query, "model", None),
        version=named.get("version") or getattr(query, "version", None),
        precision=query.precision,
    )


def rendered(answered: schemas.PredictResponse) -> Response:
    """Return the answer as it is sent."""
    return Response(answered.model_dump_json(exclude_unset=True), media_type="application/json")


def _check_sets(model: ServedModel) -> None:
    if model.classifier.manifest.conformal is None:
        raise InvalidParameter(
            f"set: model {model.name!r} version {model.version} has no prediction sets; train it with "
            "--coverage 0.9"
        )


@asynccontextmanager
async def cancelled_with_client(request: Request) -> AsyncIterator[None]:
    """Cancel the body of the context when the client goes away.

    Raises:
        ClientDisconnect: it went.
    """
    task = asyncio.current_task()
    assert task is not None
    left = False

    async def watch() -> None:
        nonlocal left
        while (await request.receive())["type"] != "http.disconnect":
            pass
        left = True
        task.cancel()

    watcher = asyncio.create_task(watch(), name="watch-client")
    try:
        yield
    except asyncio.CancelledError:
        if left and task.uncancel() == 0:
            raise ClientDisconnect from None
        raise
    finally:
        watcher.cancel()


def _response(
    model: ServedModel, outcomes: Sequence[Outcome], options: PredictOptions
) -> schemas.PredictResponse:
    failures = {index: o.error for index, o in enumerate(outcomes) if o.error is not None}
    if len(failures) == len(outcomes):
        _raise_failures(failures)
    return schemas.PredictResponse(
        model=schemas.ModelRef(name=model.name, version=model.version),
        predictions=[_entry(index, o, options) for index, o in enumerate(outcomes)],
    )


def _raise_failures(failures: dict[int, Exception]) -> None:
    """A lone image's error is the request's own; so is what is the service's fault."""
    problems = {index: image_problem(err) for index, err in failures.items()}
    if len(failures) == 1 or all(problem.status >= 500 for problem in problems.values()):
        raise failures[0]
    raise NoImageAnswered(
        f"none of the {len(failures)} images could be answered; the first: {problems[0].detail}",
        failures=failures,
    )


def _entry(
    index: int, outcome: Outcome, options: PredictOptions
) -> schemas.Prediction | schemas.FailedPrediction:
    if outcome.error is not None:
        return schemas.FailedPrediction(
            index=index, filename=outcome.filename, problem=image_problem(outcome.error)
        )
    assert outcome.prediction is not None
    return _prediction(index, outcome, outcome.prediction, options)


def _prediction(
    index: int, outcome: Outcome, found: Prediction, options: PredictOptions
) -> schemas.Prediction:
    extras: dict[str, object] = {}
    if options.embedding:
        extras["embedding"] = found.embedding.tolist()
    if options.activation_map and found.activation_map is not None:
        extras["activation_map"] = found.activation_map.tolist()
        extras["crop_box"] = outcome.crop_box
    if options.label_set:
        extras["set"] = _ranked(found.label_set or ())
    if found.rejected:
        extras["rejected_reason"] = found.rejected_reason
    if found.notes:
        extras["notes"] = list(found.notes)
    return schemas.Prediction.model_validate(
        {
            "index": index,
            "filename": outcome.filename,
            "label": found.label,
            "probability": _share(found.probability),
            "rejected": found.rejected,
            "top": _ranked(found.top),
            **extras,
        }
    )


def _ranked(labels: Sequence[LabelProbability]) -> list[dict[str, object]]:
    return [{"label": t.label, "probability": _share(t.probability)} for t in labels]


def _share(probability: float) -> float:
    """Keep float32 rounding (1.0000001) inside 0..1."""
    return min(max(probability, 0.0), 1.0)
