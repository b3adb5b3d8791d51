"""A multipart form read as it comes in, in memory only, with limits on parts and their sizes.

Starlette's own reader writes files over 1 MB to disk, with a thread hop for each chunk.
"""

from dataclasses import dataclass, field
from typing import Final

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from service.bodies.uploads import MAX_FILENAME_CHARS
from service.errors import MalformedBody, TooManyImages

_IMAGE_TYPES: Final = ("image/", "application/octet-stream")
# Text fields beside the files.
_MAX_FIELDS: Final = 100
# A boundary with other bytes after it, within a file, costs a microsecond of Python each time.
_MAX_BOUNDARIES: Final = 10_000
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
        kind = self.headers.get(b"content-type", b"").decode("latin-1").strip().lower()
        return self.filename is not None or kind.startswith(_IMAGE_TYPES)

    @property
    def is_base64(self) -> bool:
        """Whether its header says that its content is base64, as mail does."""
        encoding = self.headers.get(b"content-transfer-encoding", b"")
        return encoding.strip().lower() == b"base64"


class FormReader:
    """Feed it a body, then ask for the parts.

    Raises (all calls):
        MalformedBody: the body is no well-formed multipart form.
        TooManyImages: it has more than `max_files` files.
    """

    def __init__(self, boundary: bytes | None, *, max_part_bytes: int, max_files: int) -> None:
        self._max_part_bytes = max_part_bytes
        self._max_files = max_files
        self._num_files = 0
        self._separator = b"\r\n--" + (boundary or b"")
        self._num_boundaries = 0
        self._parts: list[FormPart] = []
        self._chunks: list[bytes] = []
        self._part_bytes = 0
        self._header_name = b""
        self._header_value = b""
        self._complete = False
        self._parser = _parser(boundary, self)

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes of the body."""
        self._num_boundaries += chunk.count(self._separator)
        if self._num_boundaries > _MAX_BOUNDARIES:
            raise MalformedBody(
                "the form's boundary occurs within its files; let an HTTP library choose it"
            )
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
        if len(self._parts) >= self._max_files + _MAX_FIELDS:
            raise TooManyImages(
                f"the form has over {self._max_files} files and {_MAX_FIELDS} fields; send several"
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
            part.filename = _text(options[b"filename"])[:MAX_FILENAME_CHARS]
        self._num_files += part.is_file
        if self._num_files > self._max_files:
            raise TooManyImages(
                f"more than {self._max_files} images in one request; send them in several"
            )

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


def boundary_of(content_type: str, start: bytes) -> bytes | None:
    """Return a form's boundary from its content type, or where that names none from its first line.

    Some set the content type by hand and leave the boundary out.
    """
    _, options = parse_options_header(content_type)
    return options.get(b"boundary") or sniffed_boundary(start)


def sniffed_boundary(start: bytes) -> bytes | None:
    """Return the boundary of a body that begins as a form does."""
    line, _, rest = start.lstrip(b"\r\n").partition(b"\r\n")
    is_form = line.startswith(b"--") and rest[:8].lower() == b"content-"
    return line[2:] if is_form else None


def _parser(boundary: bytes | None, reader: FormReader) -> MultipartParser:
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
