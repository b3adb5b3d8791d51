"""What the protocol's repository calls need."""

from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from inference.manifest import Manifest
from inference.model_session import Runtime
from service.bodies.reading import read_small_body
from service.errors import MalformedBody, ModelNotReady
from service.repository.catalog import PublishedModel
from service.repository.registry import ModelRegistry


class IndexRequest(BaseModel):
    """The optional body of a repository index request."""

    ready: bool = False


def served_manifest(
    registry: ModelRegistry, model: PublishedModel, version: str | None
) -> tuple[Manifest, Runtime]:
    """Return the manifest of a version, or of the one that answers when none is named, and what runs it.

    Of what is in no memory yet it is what runs most.

    Raises:
        ModelNotFound: no such version.
        ModelNotReady: its manifest cannot be used.
    """
    serving = registry.serving_version(model.name)
    published = model.shown_version(serving) if version is None else model.find(version)
    if published is None or published.manifest is None:
        why = published.why_unusable if published else model.problem
        raise ModelNotReady(f"model {model.name!r} cannot be served: {why}")
    loaded = registry.status(published).loaded
    return published.manifest, loaded[0].runtime if loaded else "onnxruntime"


async def read_index_request(request: Request) -> bool:
    """Return whether only ready versions are asked for; the body may be empty.

    Raises:
        MalformedBody: the body is not of the form {"ready": true}.
    """
    body = await read_small_body(request)
    try:
        return IndexRequest.model_validate_json(body or b"{}").ready
    except ValidationError as err:
        raise MalformedBody('the body is not of the form {"ready": true}') from err
