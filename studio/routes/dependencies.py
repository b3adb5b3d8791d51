"""What routes take from the application."""

from typing import Annotated

from fastapi import Depends, Request
from pydantic import BaseModel, ConfigDict

from studio.context import Context, OpenProject
from studio.phone.phone_listener import PhoneListener


class Body(BaseModel):
    """A request's JSON; what is not known is refused."""

    model_config = ConfigDict(extra="forbid")


def _context(request: Request) -> Context:
    context: Context = request.app.state.context
    return context


Studio = Annotated[Context, Depends(_context)]


def _phone(request: Request) -> PhoneListener:
    phone: PhoneListener = request.app.state.phone
    return phone


Phone = Annotated[PhoneListener, Depends(_phone)]


def _project(name: str, studio: Studio) -> OpenProject:
    return studio.project(name)


CurrentProject = Annotated[OpenProject, Depends(_project)]
