"""Read the body of a prediction, told by its first bytes rather than by what its content type says.

* an image: whatever begins like an accepted one, under any type (curl's `--data-binary` says that it is a
  form, S3 `binary/octet-stream`, SageMaker `application/x-image`);
* a multipart form, also one whose type names no boundary;
* JSON, under any type that is not an image's;
* a form without files whose texts are base64, or a body that is base64 or a `data:` URL itself.
"""

import asyncio
import codecs
import re
from collections.abc import Callable
from enum import Enum, auto
from typing import Final, TypeVar

from starlette.requests import Request

from service.bodies.encoded_text import (
    EncodedText,
    is_encoded_image,
    refuse_address,
    refuse_file_name,
)
from service.bodies.form_data import boundary_of, sniffed_boundary
from service.bodies.form_images import form_uploads, is_image, read_form_images
from service.bodies.json_images import read_json_images
from service.bodies.reading import Body
from service.bodies.uploads import Upload, UploadLimits, Uploads
from service.bodies.urlencoded import begins_like_fields, read_fields
from service.errors import MalformedBody, NoImages, UnsupportedBody
from service.limits.admission import Ticket

# Reading a longer text would hold up the event loop.
_INLINE_BYTES: Final = 256 * 2**10
_RAW_TYPES: Final = ("image/", "application/octet-stream", "binary/octet-stream")
_JSON_TYPES: Final = re.compile(
    r"application/json|text/json|application/[\w.\-]+\+json|application/x-json"
)
_FORM_TYPE: Final = "application/x-www-form-urlencoded"
_CONTROL: Final = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
# `curl -d @file` leaves out every line end and every zero, of which each image has some.
_PNG_WITHOUT_LINE_ENDS: Final = b"\x89PNG\x1a"

Read = TypeVar("Read")


class BodyKind(Enum):
    """What a body is."""

    IMAGE = auto()
    FORM = auto()
    JSON = auto()
    FIELDS = auto()
    TEXT = auto()
    UNKNOWN = auto()


async def read_uploads(
    request: Request, *, ticket: Ticket, limits: UploadLimits, options: frozenset[str]
) -> Uploads:
    """Read the body of a prediction; at least one image, in the order sent.

    Args:
        request: whose body is read.
        ticket: the room that it takes.
        limits: its bounds.
        options: names that may stand beside images in JSON.

    Raises:
        UnsupportedBody: a content type or encoding that is not read.
        MalformedBody: the body is not what it says or begins like.
        AddressNotFetched: an address stands in place of an image.
        NoImages, TooManyImages: none, or more than `limits.max_images`.
        BodyTooLarge: over the limits.
        BodyTimeout: too slow (`slow_bodies.py`).
        Overloaded: the service holds as many bytes or images as it may.
    """
    body = Body(request, ticket=ticket)
    content_type = request.headers.get("content-type", "").strip()
    media_type = content_type.partition(";")[0].strip().lower()
    start = await body.start(max_bytes=max(limits.max_image_bytes, limits.max_request_bytes))
    kind = kind_of_body(media_type, start)
    if kind is BodyKind.FORM:
        uploads = await read_form_images(
            body.chunks(max_bytes=limits.max_request_bytes),
            boundary=boundary_of(content_type, start),
            limits=limits,
        )
    else:
        is_raw = kind in (BodyKind.IMAGE, BodyKind.UNKNOWN)
        max_bytes = limits.max_image_bytes if is_raw else limits.max_request_bytes
        data = await body.whole(max_bytes=max_bytes)
        uploads = await _understood(data, kind, media_type, limits=limits, options=options)
    if not uploads.images:
        raise NoImages("the body holds no image; send at least one")
    limits.check_count(len(uploads.images))
    ticket.add_images(len(uploads.images) - 1)  # one was counted when the request was let in
    return uploads


def may_hold_options(request: Request) -> bool:
    """Return whether the body may say more than an image: one of an image's type cannot."""
    content_type = request.headers.get("content-type", "").strip().lower()
    return bool(content_type) and not content_type.startswith(_RAW_TYPES)


def kind_of_body(media_type: str, start: bytes) -> BodyKind:
    """Tell what a body is by its content type, in lower case, and its first bytes."""
    first = start.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    if is_image(start):
        return BodyKind.IMAGE
    if media_type.startswith("multipart/") or sniffed_boundary(start):
        return BodyKind.FORM
    if first in (b"{", b"[", b'"'):
        return BodyKind.JSON
    if media_type == _FORM_TYPE and begins_like_fields(start):
        return BodyKind.FIELDS
    if start and _is_text(start) and not _is_damaged_webp(start):
        return BodyKind.TEXT
    return BodyKind.JSON if _JSON_TYPES.fullmatch(media_type) else BodyKind.UNKNOWN


async def _understood(
    data: bytes,
    kind: BodyKind,
    media_type: str,
    *,
    limits: UploadLimits,
    options: frozenset[str],
) -> Uploads:
    if kind is BodyKind.JSON:
        return await _off_the_loop(
            data, lambda: read_json_images(data, max_images=limits.max_images, options=options)
        )
    if kind is BodyKind.FIELDS:
        return await _off_the_loop(data, lambda: form_uploads(read_fields(data), limits))
    if kind is BodyKind.TEXT:
        return _text(data, media_type)
    return _image(data, media_type)


async def _off_the_loop(data: bytes, read: Callable[[], Read]) -> Read:
    return await asyncio.to_thread(read) if len(data) > _INLINE_BYTES else read()


def _image(data: bytes, media_type: str) -> Uploads:
    if not data:
        raise NoImages("the body is empty; send the image as the body, or -F file=@photo.jpg")
    if data.startswith(_PNG_WITHOUT_LINE_ENDS) or (
        media_type == _FORM_TYPE
        and b"\0" not in data
        and (is_image(data) or _is_damaged_webp(data))
    ):
        raise MalformedBody(
            "the image has lost its line ends and zeros, which is what curl's -d does to a file; send "
            "it with -F file=@… or --data-binary @…"
        )
    return Uploads(images=[Upload(filename=None, content=data)])


def _text(data: bytes, media_type: str) -> Uploads:
    """Read a body that is text and no JSON: base64 of an image, or something sent in place of one."""
    if is_encoded_image(data):
        return Uploads(images=[Upload(filename=None, content=EncodedText(data))])
    refuse_address(data)
    refuse_file_name(data)
    if not media_type or media_type.startswith(_RAW_TYPES):
        return _image(data, media_type)
    if _JSON_TYPES.fullmatch(media_type):
        raise MalformedBody('the body is no JSON; send {"images": ["<base64>", …]}')
    raise UnsupportedBody(
        f"the body is a text (content type {media_type[:80]!r}) and no image; send the image itself with "
        "'Content-Type: image/jpeg' (or its own type), files as multipart/form-data, or JSON with "
        "base64 images"
    )


def _is_damaged_webp(start: bytes) -> bool:
    return start.startswith(b"RIFF") and b"WEBP" in start[4:12]


def _is_text(start: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(start)  # which may end within a character
    except UnicodeDecodeError:
        return False
    return _CONTROL.search(start) is None
