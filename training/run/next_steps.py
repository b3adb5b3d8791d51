"""What to do with a model that was published: see how good it is, try it, serve it."""

import shlex
from pathlib import Path
from typing import Final

from inference.errors import InferenceError
from inference.repository import Repository
from training.run.default_version import DefaultDecision
from training.runtime.progress import Display

# Where the service looks for models by itself.
_SERVED: Final = Path("models")


def describe_next_steps(published: Path, decision: DefaultDecision, display: Display) -> None:
    """Say where the report is and which commands try and serve the model, in three lines."""
    model = published.parent
    tried = published if decision.stays else model
    display.line(f"report: {published / 'report.html'}")
    display.line(f"try it: python -m inference {shlex.quote(str(tried))} photo.jpg")
    display.line(f"serve it: {_serve(model.parent)}{_several(model)}")


def _serve(models_dir: Path) -> str:
    if models_dir == _SERVED:
        return "python -m service"
    return f"python -m service --models-dir {shlex.quote(str(models_dir))}"


def _several(model: Path) -> str:
    """Say that requests must name a model where the service cannot know which is meant."""
    try:
        number = len(Repository(model.parent).names())
    except InferenceError:
        return ""
    if number < 2:
        return ""
    return (
        f" ({model.parent}/ holds {number} models now: ask for this one with ?model={model.name}, or set "
        f"GRAFT_DEFAULT_MODEL={model.name})"
    )
