"""Images and options in a form: files are images, texts are options, whatever their fields are called."""

import shlex
from collections.abc import AsyncIterator, Sequence
from typing import Final

from inference.decoding import over_byte_limit
from inference.file_kinds import KIND_BYTES, read_format
from service.bodies.encoded_text import (
    EncodedText,
    file_name,
    is_encoded_image,
    refuse_address,
)
from service.bodies.form_data import FormPart, FormReader
from service.bodies.given_once import given_once
from service.bodies.uploads import Upload, UploadLimits, Uploads
from service.errors import BodyTooLarge, NoImages

_MAX_OPTION_BYTES: Final = 1000


async def read_form_images(
    chunks: AsyncIterator[bytes], *, boundary: bytes | None, limits: UploadLimits
) -> Uploads:
    """Read a multipart form.

    Raises:
        MalformedBody: it is no well-formed form.
        NoImages: it has no file.
        TooManyImages: it has more than `limits.max_images`.
        AddressNotFetched: an address stands in place of a file.
        BodyTooLarge, Overloaded: as `chunks` raises them.
    """
    reader = FormReader(
        boundary, max_part_bytes=limits.max_image_bytes, max_files=limits.max_images
    )
    async for chunk in chunks:
        reader.feed(chunk)
    return form_uploads(reader.finish(), limits)


def form_uploads(parts: Sequence[FormPart], limits: UploadLimits) -> Uploads:
    """Tell images from options.

    Raises:
        NoImages: there is no image.
        AddressNotFetched: an address stands in place of one.
    """
    images: list[Upload] = []
    texts: list[FormPart] = []
    for part in parts:
        if part.filename == "" and not part.data:
            continue  # a browser's form in which no file was chosen
        if part.is_file or is_image(part.data):
            images.append(_upload(part, limits))
        elif part.data is not None and is_encoded_image(part.data):
            images.append(Upload(filename=None, content=EncodedText(part.data)))
        else:
            texts.append(part)
    if not images and texts:
        _refuse_texts(texts)
    options = given_once(
        (part.name, part.data.decode("utf-8", "replace").strip())
        for part in texts
        if part.data and len(part.data) <= _MAX_OPTION_BYTES
    )
    return Uploads(images=images, options=options)


def is_image(data: bytes | None) -> bool:
    """Return whether bytes begin like an accepted image."""
    return read_format((data or b"")[:KIND_BYTES]) is not None


def _upload(part: FormPart, limits: UploadLimits) -> Upload:
    content: bytes | EncodedText | BodyTooLarge
    if part.data is None:
        content = BodyTooLarge(over_byte_limit(limits.max_image_bytes))
    elif part.is_base64 and not is_image(part.data):
        content = EncodedText(part.data)
    else:
        content = part.data
    return Upload(filename=part.filename, content=content)


def _refuse_texts(texts: Sequence[FormPart]) -> None:
    for part in texts:
        field, value = part.name[:80] or "file", part.data or b""
        refuse_address(value)
        name = file_name(value)
        if name is not None:
            raise NoImages(
                f"form field {field!r} holds the text {name[:80]!r}, not a file; send the file: "
                f"-F {field}=@{shlex.quote(name[:80])}"
            )
    fields = ", ".join(repr(part.name[:40]) for part in texts[:5])
    raise NoImages(
        f"the form has no file, its fields {fields} are text; send the file: -F file=@photo.jpg"
    )
