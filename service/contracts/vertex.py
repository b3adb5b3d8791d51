"""Vertex AI: port and addresses in `AIP_…` variables; {"instances": […]} in, {"predictions": […]} out.

https://cloud.google.com/vertex-ai/docs/predictions/custom-container-requirements
"""

import dataclasses
from typing import Final

from fastapi import APIRouter
from starlette.responses import Response

from service.api.answer_json import RequestAnswer, rendered
from service.contracts.contract import Contract, Environment, platform_router


def _settings(environment: Environment) -> dict[str, str]:
    port = environment.get("AIP_HTTP_PORT", "8080")
    return {"host": "0.0.0.0", "port": port}  # noqa: S104  # the platform calls from outside


def _router(environment: Environment) -> APIRouter:
    return platform_router(
        health_path=environment.get("AIP_HEALTH_ROUTE", "/health"),
        predict_path=environment.get("AIP_PREDICT_ROUTE", "/predict"),
        healthy="",
        render=_predictions_alone,
    )


def _predictions_alone(answered: RequestAnswer) -> Response:
    """Return what the platform takes: it has a name for the model itself."""
    body = {"predictions": answered.body["predictions"]}
    return rendered(dataclasses.replace(answered, body=body))


CONTRACT: Final = Contract(name="vertex", settings=_settings, router=_router)
