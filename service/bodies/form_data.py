"""A multipart form read as it comes in, in memory only, with limits on parts and their sizes.

Starlette's own reader writes files over 1 MB to disk, with a thread hop for each chunk.
"""

from dataclasses import dataclass, field
from typing import Final

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from service.errors import MalformedBody, TooManyImages

_IMAGE_TYPES: Final = ("image/", "application/octet-stream")
_MAX_FILENAME_CHARS: Final = 255
_MAX_HEADERS: Final = 8
_MAX_HEADER_BYTES: Final = 4096


@dataclass(slots=True)
class FormPart:
    """One part. `data` is None where it went over the limit; what came was not kept then."""

    headers: dict[bytes, bytes] = field(default_factory=dict)
    name: str = ""
    filename: str | None = None
    data: bytes | None = b""

    @property
    def is_file(self) -> bool:
        """Whether it is a file rather than a field."""
        kind = self.headers.get(b"content-type", b"").decode("latin-1").lower()
        return self.filename is not None or kind.startswith(_IMAGE_TYPES)


class FormReader:
    """Feed it a body, then ask for the parts.

    Raises (all calls):
        MalformedBody: the body is no well-formed multipart form.
        TooManyImages: it has more than `max_parts` parts.
    """

    def __init__(self, content_type: str, *, max_part_bytes: int, max_parts: int) -> None:
        self._max_part_bytes = max_part_bytes
        self._max_parts = max_parts
        self._parts: list[FormPart] = []
        self._chunks: list[bytes] = []
        self._part_bytes = 0
        self._header_name = b""
        self._header_value = b""
        self._complete = False
        self._parser = _parser(content_type, self)

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes of the body."""
        try:
            self._parser.write(chunk)
        except FormParserError as err:
            raise MalformedBody(
                "the multipart form is not well-formed; let an HTTP library build it"
            ) from err

    def finish(self) -> list[FormPart]:
        """Return the parts, in order."""
        if not self._complete:
            raise MalformedBody("the multipart form ends before its last boundary; send it whole")
        return self._parts

    def on_part_begin(self) -> None:
        """Start a part."""
        if len(self._parts) >= self._max_parts:
            raise TooManyImages(
                f"more than {self._max_parts} images in one request; send them in several"
            )
        self._parts.append(FormPart())
        self._chunks, self._part_bytes = [], 0

    def on_header_field(self, data: bytes, start: int, end: int) -> None:
        """Take a piece of a header's name."""
        self._header_name += data[start:end]

    def on_header_value(self, data: bytes, start: int, end: int) -> None:
        """Take a piece of a header's value."""
        self._header_value += data[start:end]

    def on_header_end(self) -> None:
        """Keep a header."""
        self._parts[-1].headers[self._header_name.lower()] = self._header_value
        self._header_name = self._header_value = b""

    def on_headers_finished(self) -> None:
        """Read the part's name and file name."""
        part = self._parts[-1]
        _, options = parse_options_header(part.headers.get(b"content-disposition"))
        part.name = _text(options.get(b"name", b""))
        if b"filename" in options:
            part.filename = _text(options[b"filename"])[:_MAX_FILENAME_CHARS]

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        """Take a piece of the part's content, or drop it where the part is too large."""
        self._part_bytes += end - start
        if self._part_bytes > self._max_part_bytes:
            self._parts[-1].data = None
            self._chunks.clear()
        else:
            self._chunks.append(data[start:end])

    def on_part_end(self) -> None:
        """Close a part."""
        part = self._parts[-1]
        if part.data is not None:
            part.data = b"".join(self._chunks)
        self._chunks = []

    def on_end(self) -> None:
        """Note that the last boundary was seen."""
        self._complete = True


def _parser(content_type: str, reader: FormReader) -> MultipartParser:
    _, options = parse_options_header(content_type)
    boundary = options.get(b"boundary")
    if not boundary:
        raise MalformedBody(
            "the content type of the multipart form names no boundary; let an HTTP library set it"
        )
    try:
        return MultipartParser(
            boundary,
            {
                "on_part_begin": reader.on_part_begin,
                "on_header_field": reader.on_header_field,
                "on_header_value": reader.on_header_value,
                "on_header_end": reader.on_header_end,
                "on_headers_finished": reader.on_headers_finished,
                "on_part_data": reader.on_part_data,
                "on_part_end": reader.on_part_end,
                "on_end": reader.on_end,
            },
            max_header_count=_MAX_HEADERS,
            max_header_size=_MAX_HEADER_BYTES,
        )
    except FormParserError as err:
        raise MalformedBody(
            "the boundary of the multipart form cannot be used; let an HTTP library choose it"
        ) from err


def _text(value: bytes) -> str:
    return value.decode("utf-8", errors="replace")
