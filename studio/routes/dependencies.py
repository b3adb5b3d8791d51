"""What routes take from the application."""

from typing import Annotated

from fastapi import Depends, Request
from pydantic import BaseModel, ConfigDict

from studio.context import Context, OpenProject


class Body(BaseModel):
    """A request's JSON; what is not known is refused."""

    model_config = ConfigDict(extra="forbid")


def _context(request: Request) -> Context:
    context: Context = request.app.state.context
    return context


Studio = Annotated[Context, Depends(_context)]


def _project(name: str, studio: Studio) -> OpenProject:
    return studio.project(name)


CurrentProject = Annotated[OpenProject, Depends(_project)]
