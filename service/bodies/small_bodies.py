"""Small JSON bodies: an alias's version, how requests are shared among versions, a right label."""

from pydantic import ValidationError
from starlette.requests import Request

from inference import PackageError
from inference.traffic import Traffic
from service.bodies.json_errors import first_error
from service.bodies.reading import read_small_body
from service.errors import MalformedBody, UnsupportedBody
from service.schemas import AliasBody, FeedbackBody
from service.schemas import Traffic as TrafficBody


async def read_alias(request: Request) -> AliasBody:
    """Read the small JSON body that names an alias's version.

    Raises:
        MalformedBody: it is not of the form {"version": 3}.
        BodyTooLarge, BodyTimeout: it is over the limits.
    """
    body = await read_small_body(request)
    try:
        return AliasBody.model_validate_json(body)
    except ValidationError as err:
        raise MalformedBody(_what_is_wanted(body, '{"version": 3}', err)) from err


async def read_feedback(request: Request) -> FeedbackBody:
    """Read the small JSON body that says which label would have been right.

    Raises:
        UnsupportedBody: it is not sent as JSON. A page of another site could send anything else
            without being allowed to.
        MalformedBody: it is not of the form {"request_id": "…", "index": 0, "label": "shirt"}.
        BodyTooLarge, BodyTimeout: it is over the limits.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise UnsupportedBody("send feedback with the header Content-Type: application/json")
    body = await read_small_body(request)
    try:
        return FeedbackBody.model_validate_json(body)
    except ValidationError as err:
        raise MalformedBody(
            'the body is not of the form {"request_id": "…", "index": 0, "label": "shirt"}: '
            + first_error(err)
        ) from err


async def read_traffic(request: Request) -> Traffic:
    """Read the small JSON body that shares a model's requests among its versions.

    Raises:
        MalformedBody: it is not of the form {"weights": {"stable": 90, "candidate": 10}}.
        BodyTooLarge, BodyTimeout: it is over the limits.
    """
    body = await read_small_body(request)
    try:
        asked = TrafficBody.model_validate_json(body)
        return Traffic(weights=asked.weights, shadow=asked.shadow)
    except ValidationError as err:
        raise MalformedBody(
            _what_is_wanted(body, '{"weights": {"stable": 90, "candidate": 10}}', err)
        ) from err
    except PackageError as err:
        raise MalformedBody(str(err)) from err


def _what_is_wanted(body: bytes, form: str, err: ValidationError) -> str:
    if not body.strip():
        return f"the body is empty; send JSON such as {form} (curl -X PUT -d '{form}')"
    return f"the body is not of the form {form}: {first_error(err)}"
