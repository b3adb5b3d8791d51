"""Read the images of a request in its three forms, with every limit kept while reading.

* raw: `image/*`, `application/octet-stream` or no content type, the body is the image;
* multipart: every part with a file name, or with an image's content type, is an image;
* JSON: `{"images": [base64, …]}`, each plain or as a `data:` URL.
"""

import asyncio
import base64
import binascii
from dataclasses import dataclass
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.requests import Request

from inference.decoding import over_byte_limit
from service.bodies.form_data import FormPart, FormReader
from service.bodies.json_errors import first_error
from service.bodies.reading import limited_chunks, read_body, refuse_encoded
from service.errors import (
    BodyTooLarge,
    InvalidBase64,
    MalformedBody,
    NoImages,
    RequestError,
    TooManyImages,
    UnsupportedBody,
)
from service.limits.admission import Ticket

# Parsing a longer text would hold up the event loop.
_PARSE_INLINE_BYTES: Final = 256 * 2**10
_RAW_TYPES: Final = ("image/", "application/octet-stream")
_BASE64_URLSAFE: Final = str.maketrans("-_", "+/")


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadLimits:
    """Bounds of one request."""

    max_image_bytes: int
    max_request_bytes: int
    max_images: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """One image as it was sent: bytes, base64 text, or the error that stands in its place."""

    filename: str | None
    content: bytes | str | RequestError

    def image_bytes(self, max_bytes: int) -> bytes:
        """Return the encoded image. Base64 is decoded here: call it off the event loop.

        Raises:
            RequestError: the image is too large or not base64.
        """
        if isinstance(self.content, RequestError):
            raise self.content
        data = _from_base64(self.content) if isinstance(self.content, str) else self.content
        if len(data) > max_bytes:
            raise BodyTooLarge(over_byte_limit(max_bytes))
        return data


class JsonImages(BaseModel):
    """The JSON body of a prediction: base64 images, plain or as `data:` URLs."""

    model_config = ConfigDict(extra="forbid", strict=True)

    images: list[str]


async def read_uploads(request: Request, *, ticket: Ticket, limits: UploadLimits) -> list[Upload]:
    """Read the body of a prediction; at least one image, in the order sent.

    Raises:
        UnsupportedBody: a content type or encoding that is not read.
        MalformedBody: the body is not what its content type says.
        NoImages, TooManyImages: none, or more than `limits.max_images`.
        BodyTooLarge: over the limits.
        BodyTimeout: too slow (`slow_bodies.py`).
        Overloaded: the service holds as many bytes or images as it may.
    """
    refuse_encoded(request)
    content_type = request.headers.get("content-type", "").strip()
    kind = content_type.partition(";")[0].strip().lower()
    if not kind or kind.startswith(_RAW_TYPES):
        uploads = await _read_raw(request, ticket, limits)
    elif kind == "multipart/form-data":
        uploads = await _read_form(request, content_type, ticket, limits)
    elif kind == "application/json":
        uploads = await _read_json(request, ticket, limits)
    else:
        raise _unsupported(kind)
    if not uploads:
        raise NoImages("the body holds no image; send at least one")
    if len(uploads) > limits.max_images:
        raise _too_many(limits.max_images)
    ticket.add_images(len(uploads) - 1)  # one was counted when the request was let in
    return uploads


async def _read_raw(request: Request, ticket: Ticket, limits: UploadLimits) -> list[Upload]:
    data = await read_body(request, ticket=ticket, max_bytes=limits.max_image_bytes)
    if not data:
        raise NoImages("the body is empty; send the image as the body")
    return [Upload(filename=None, content=data)]


async def _read_json(request: Request, ticket: Ticket, limits: UploadLimits) -> list[Upload]:
    body = await read_body(request, ticket=ticket, max_bytes=limits.max_request_bytes)
    if len(body) > _PARSE_INLINE_BYTES:
        parsed = await asyncio.to_thread(_parse_json, body)
    else:
        parsed = _parse_json(body)
    return [Upload(filename=None, content=text) for text in parsed.images]


async def _read_form(
    request: Request, content_type: str, ticket: Ticket, limits: UploadLimits
) -> list[Upload]:
    reader = FormReader(
        content_type, max_part_bytes=limits.max_image_bytes, max_parts=limits.max_images
    )
    async for chunk in limited_chunks(request, ticket=ticket, max_bytes=limits.max_request_bytes):
        reader.feed(chunk)
    return [_form_upload(part, limits) for part in reader.finish()]


def _form_upload(part: FormPart, limits: UploadLimits) -> Upload:
    if not part.is_file:
        raise MalformedBody(
            f"form field {part.name[:80]!r} is not read here; send images as files and "
            "options in the query string"
        )
    if part.data is None:
        return Upload(
            filename=part.filename, content=BodyTooLarge(over_byte_limit(limits.max_image_bytes))
        )
    return Upload(filename=part.filename, content=part.data)


def _parse_json(body: bytes) -> JsonImages:
    try:
        return JsonImages.model_validate_json(body)
    except ValidationError as err:
        raise MalformedBody(
            'the body is not of the form {"images": ["<base64>", …]}: ' + first_error(err)
        ) from err


def _from_base64(text: str) -> bytes:
    if text[:5].lower() == "data:":
        header, _, text = text.partition(",")
        if not header.lower().endswith(";base64"):
            raise InvalidBase64("a data: URL must be base64, as data:image/png;base64,…")
    text = "".join(text.split()).translate(_BASE64_URLSAFE).rstrip("=")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError) as err:
        raise InvalidBase64("the image is not base64; encode the file's bytes again") from err


def _unsupported(kind: str) -> UnsupportedBody:
    return UnsupportedBody(
        f"content type {kind[:80]!r} is not read here; send the image itself with 'Content-Type: image/jpeg' "
        "(or its own type), files as multipart/form-data, or JSON with base64 images"
    )


def _too_many(max_images: int) -> TooManyImages:
    return TooManyImages(f"more than {max_images} images in one request; send them in several")
