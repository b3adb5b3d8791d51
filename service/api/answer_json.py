"""The outcomes of a request as the JSON of `schemas.PredictResponse`.

Built as it is sent rather than through the schema's classes, which cost a tenth of a small request.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from pydantic_core import to_json
from starlette.responses import Response

from inference import LabelProbability, Prediction
from service.engine.served_model import ServedModel
from service.errors import NoImageAnswered
from service.prediction.predictor import Outcome, PredictOptions
from service.problems import image_problem

_MEDIA_TYPE: Final = "application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestAnswer:
    """What `schemas.PredictResponse` describes, and headers that go with it."""

    body: dict[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)


def answer_json(
    model: ServedModel, outcomes: Sequence[Outcome], options: PredictOptions
) -> dict[str, Any]:
    """Return the answer to a request.

    Raises:
        NoImageAnswered: there is no prediction among several outcomes.
        Exception: the error of a lone image, or one of the service's own that all have.
    """
    failures = {index: o.error for index, o in enumerate(outcomes) if o.error is not None}
    if len(failures) == len(outcomes):
        _raise_failures(failures)
    return {
        "model": {"name": model.name, "version": model.version},
        "predictions": [_entry(index, o, options) for index, o in enumerate(outcomes)],
    }


# How the answers of a request were found: of all images, or "partial" where some were kept.
CacheStatus = Literal["hit", "partial", "collapsed", "miss"]
_CACHE_HEADERS: Final[Mapping[CacheStatus, str]] = {
    "hit": "graft; hit",
    "partial": "graft; fwd=partial",
    "collapsed": "graft; fwd=miss; collapsed",
    "miss": "graft; fwd=miss",
}


def cache_status(outcomes: Sequence[Outcome]) -> CacheStatus:
    """Return how the answers of a request were found, in one word."""
    lookups = {outcome.lookup for outcome in outcomes}
    if len(lookups) == 1:
        return lookups.pop()
    return "partial" if "hit" in lookups else "miss"


def cache_headers(outcomes: Sequence[Outcome]) -> Mapping[str, str]:
    """Return what to know of answers that may have been kept (RFC 9111, 5.1, and RFC 9211).

    `Age` is that of the oldest.
    """
    headers = {"Cache-Status": _CACHE_HEADERS[cache_status(outcomes)]}
    ages_s = [outcome.age_s for outcome in outcomes if outcome.age_s is not None]
    return {**headers, "Age": str(int(max(ages_s)))} if ages_s else headers


def rendered(answered: RequestAnswer) -> Response:
    """Return the answer as it is sent."""
    body = to_json(answered.body, inf_nan_mode="null")
    return Response(body, headers=dict(answered.headers), media_type=_MEDIA_TYPE)


def _raise_failures(failures: dict[int, Exception]) -> None:
    """A lone image's error is the request's own; so is what is the service's fault."""
    problems = {index: image_problem(err) for index, err in failures.items()}
    if len(failures) == 1 or all(problem.status >= 500 for problem in problems.values()):
        raise failures[0]
    raise NoImageAnswered(
        f"none of the {len(failures)} images could be answered; the first: {problems[0].detail}",
        failures=failures,
    )


def _entry(index: int, outcome: Outcome, options: PredictOptions) -> dict[str, Any]:
    if outcome.error is not None:
        problem = image_problem(outcome.error).model_dump(exclude_unset=True)
        return {"index": index, "filename": outcome.filename, "problem": problem}
    assert outcome.prediction is not None
    return _prediction(index, outcome, outcome.prediction, options)


def _prediction(
    index: int, outcome: Outcome, found: Prediction, options: PredictOptions
) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "index": index,
        "filename": outcome.filename,
        "label": found.label,
        "probability": _share(found.probability),
        "rejected": found.rejected_reason is not None,
        "top": _ranked(found.top),
    }
    if found.rejected_reason is not None:
        entry["rejected_reason"] = found.rejected_reason
    if found.notes:
        entry["notes"] = list(found.notes)
    if options.label_set:
        entry["set"] = _ranked(found.label_set or ())
    if options.embedding:
        entry["embedding"] = found.embedding.tolist()
    if options.activation_map and found.activation_map is not None:
        entry["activation_map"] = found.activation_map.tolist()
        entry["crop_box"] = outcome.crop_box
    return entry


def _ranked(labels: Sequence[LabelProbability]) -> list[dict[str, Any]]:
    return [{"label": t.label, "probability": _share(t.probability)} for t in labels]


def _share(probability: float) -> float:
    """Keep float32 rounding (1.0000001) inside 0..1."""
    return min(max(probability, 0.0), 1.0)
