"""Which precision and runtime answered: headers of the answer, and fields of the log's line."""

from collections.abc import Mapping
from typing import Final

from starlette.requests import Request

from service.engine.served_model import ServedModel

PRECISION_HEADER: Final = "Graft-Precision"
RUNTIME_HEADER: Final = "Graft-Runtime"


def how_answered(request: Request, model: ServedModel) -> Mapping[str, str]:
    """Note for the log what answers a request; return what the answer says of it."""
    how_run = model.how_run
    request.state.answered_by = how_run
    return {PRECISION_HEADER: how_run["precision"], RUNTIME_HEADER: how_run["runtime"]}
