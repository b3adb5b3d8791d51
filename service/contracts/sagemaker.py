"""Amazon SageMaker: `docker run IMAGE serve`, models in /opt/ml/model, GET /ping, POST /invocations on 8080.

https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html
"""

from pathlib import Path
from typing import Final

from fastapi import APIRouter

from service.api.answer_json import rendered
from service.contracts.contract import Contract, Environment, platform_router

# Where SageMaker unpacks model.tar.gz.
_MODELS_DIR: Final = Path("/opt/ml/model")


def _settings(environment: Environment) -> dict[str, str]:
    models = {"models_dir": str(_MODELS_DIR)} if _MODELS_DIR.is_dir() else {}
    port = environment.get("SAGEMAKER_BIND_TO_PORT", "8080")
    return {"host": "0.0.0.0", "port": port, **models}  # noqa: S104  # the platform calls from outside


def _router(environment: Environment) -> APIRouter:
    return platform_router(
        health_path="/ping", predict_path="/invocations", healthy="", render=rendered
    )


CONTRACT: Final = Contract(name="sagemaker", settings=_settings, router=_router)
