"""Azure Machine Learning's online endpoints: GET / and POST /score, as its own server has them.

The port is the deployment's to say (`inference_config`), so ours stays.
https://learn.microsoft.com/azure/machine-learning/how-to-deploy-custom-container
"""

from pathlib import Path
from typing import Final

from fastapi import APIRouter

from service.api.answer_json import rendered
from service.contracts.contract import Contract, Environment, platform_router


def _settings(environment: Environment) -> dict[str, str]:
    settings = {"host": "0.0.0.0"}  # noqa: S104  # the platform calls from outside
    if mounted := environment.get("AZUREML_MODEL_DIR"):
        # A folder that was registered as a model is in there under its own name.
        inner = Path(mounted) / "models"
        settings["models_dir"] = str(inner if inner.is_dir() else mounted)
    return settings


def _router(environment: Environment) -> APIRouter:
    return platform_router(
        health_path="/", predict_path="/score", healthy="Healthy", render=rendered
    )


CONTRACT: Final = Contract(name="azureml", settings=_settings, router=_router)
