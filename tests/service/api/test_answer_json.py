"""The answer as JSON, beside the schema that describes it."""

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from inference import ImageError, LabelProbability, Prediction
from service.api.answer_json import RequestAnswer, answer_json, cache_headers, rendered
from service.engine.served_model import ServedModel
from service.prediction.predictor import Lookup, Outcome, PredictOptions
from service.schemas import PredictResponse

MODEL = cast(ServedModel, SimpleNamespace(name="Kühe", version=3))
TOP = (
    LabelProbability(label='"\u2028Kuh\N{COW}', probability=1.0000001),
    LabelProbability(label="", probability=1.5e-7),
)


def found(**changes: Any) -> Prediction:
    values: dict[str, Any] = {
        "label": TOP[0].label,
        "probability": TOP[0].probability,
        "rejected_reason": None,
        "top": TOP,
        "label_set": TOP[:1],
        "embedding": np.array([0.1, -3e-30, 1e20], np.float32),
        "activation_map": np.array([[0.25, 1.0]], np.float32),
    }
    return Prediction(**{**values, **changes})


def test_every_form_of_the_answer_is_written_as_the_schema_would() -> None:
    outcomes = [
        Outcome(filename="a.jpg", prediction=found(), crop_box=(0.0, -2.5, 10.0, 1e16)),
        Outcome(filename=None, prediction=found(rejected_reason="unlike", notes=("incomplete",))),
        Outcome(filename=None, error=ImageError("broken")),
        Outcome(filename=None, prediction=found(activation_map=None, label_set=None)),
    ]
    everything = PredictOptions(embedding=True, activation_map=True, label_set=True)
    for options in (PredictOptions(), everything):
        answer = RequestAnswer(body=answer_json(MODEL, outcomes, options))
        body = bytes(rendered(answer).body)
        as_described = PredictResponse.model_validate_json(body, strict=False)
        assert as_described.model_dump_json(exclude_unset=True).encode() == body


@pytest.mark.parametrize(
    ("lookups", "status"),
    [
        (("hit", "hit"), "hit"),
        (("hit", "collapsed"), "fwd=partial"),
        (("collapsed", "collapsed"), "fwd=miss; collapsed"),
        (("miss", "collapsed"), "fwd=miss"),
    ],
)
def test_the_cache_status_is_that_of_all_images(lookups: tuple[Lookup, ...], status: str) -> None:
    outcomes = [Outcome(filename=None, prediction=found(), lookup=lookup) for lookup in lookups]
    assert cache_headers(outcomes)["Cache-Status"] == f"graft; {status}"
