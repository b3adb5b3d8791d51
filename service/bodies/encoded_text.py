"""Images as text: base64, plain or as a `data:` URL; and the texts that people send in place of them."""

import base64
import binascii
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from inference.decoding import over_byte_limit
from inference.errors import ImageError
from inference.formats import IMAGE_SUFFIXES, sniff_format
from service.errors import AddressNotFetched, BodyTooLarge, InvalidBase64

# URL-safe base64 is base64 in two other letters; blanks and line ends are dropped.
_PLAIN: Final = bytes.maketrans(b"-_", b"+/")
_BLANKS: Final = b" \t\r\n\v\f"
_OTHERS: Final = tuple(bytes((letter,)) for letter in b"-_" + _BLANKS)
# How JSON writes what is in base64, where it is escaped at all: `/` by PHP, `+` by .NET, line ends by all.
_ESCAPES: Final = (
    (rb"\/", b"/"), (rb"\n", b""), (rb"\r", b""), (rb"\t", b""),
    (rb"\u002B", b"+"), (rb"\u002b", b"+"), (rb"\u002F", b"/"), (rb"\u002f", b"/"),
    (rb"\u003D", b"="), (rb"\u003d", b"="),
)  # fmt: skip
_DATA_URL_HEAD_BYTES: Final = 256
_PIECE_BYTES: Final = 2**20
_MAX_ESCAPE_BYTES: Final = 6
# Escaped and broken into lines, base64 is still below this many bytes for each of the image.
_MAX_TEXT_FACTOR: Final = 3
_ADDRESS: Final = re.compile(
    rb"\s*((?:https?|ftp|file|s3|gs|az|abfss?|wasbs?)://[^\s\"<>]{1,1000})", re.I
)
_SUFFIXES: Final = "|".join(re.escape(suffix) for suffix in sorted(IMAGE_SUFFIXES)).encode()
_FILE_NAME: Final = re.compile(rb"\s*([^\x00-\x1f]{0,250}(?:%b))\s*" % _SUFFIXES, re.I)


@dataclass(frozen=True, slots=True)
class EncodedText:
    """An image in base64.

    `escaped` says that the text is as it stood in JSON, between the quotes.
    """

    text: bytes | memoryview
    escaped: bool = False

    def decode(self, max_bytes: int) -> bytes:
        """Return the encoded image that it holds. This takes up to 50 ms: call it off the event loop.

        Raises:
            BodyTooLarge: it is over `max_bytes`.
            AddressNotFetched: it is the address of an image.
            InvalidBase64: it is not base64.
        """
        if len(self.text) > _MAX_TEXT_FACTOR * max_bytes + _DATA_URL_HEAD_BYTES:
            raise BodyTooLarge(over_byte_limit(max_bytes))
        decoded: list[bytes] = []
        rest, num_bytes = b"", 0
        for piece in self._pieces():
            text = rest + piece
            whole = (len(text) - 1) // 4 * 4  # the last letters may be fewer than four, or padded
            if b"=" in text[:whole]:
                raise InvalidBase64(
                    "the image is base64 that goes on after its end; encode it again"
                )
            decoded.append(_decode(text[:whole]))
            rest = text[whole:]
            num_bytes += len(decoded[-1])
            if num_bytes > max_bytes:
                raise BodyTooLarge(over_byte_limit(max_bytes))
        letters = rest.rstrip(b"=")
        decoded.append(_decode(letters + b"=" * (-len(letters) % 4)))
        return b"".join(decoded)

    def _pieces(self) -> Iterator[bytes]:
        """Yield the base64 letters, a part at a time: nothing of Python's runs while one is decoded."""
        start = 0
        while start < len(self.text):
            piece = bytes(self.text[start : start + _PIECE_BYTES])
            is_last = start + len(piece) == len(self.text)
            if self.escaped and not is_last:
                split = piece.rfind(b"\\", len(piece) - _MAX_ESCAPE_BYTES)
                piece = piece[:split] if split > 0 else piece
            letters = _unescaped(piece) if self.escaped else piece
            if start == 0:
                refuse_address(letters)
                refuse_file_name(letters)
                letters = _without_data_head(letters)
            start += len(piece)
            if any(letter in letters for letter in _OTHERS):  # looking is faster than translating
                letters = letters.translate(_PLAIN, _BLANKS)
            if letters:
                yield letters


def _unescaped(text: bytes) -> bytes:
    if b"\\" in text:
        for escaped, plain in _ESCAPES:
            text = text.replace(escaped, plain)
    return text


def _decode(letters: bytes) -> bytes:
    try:
        return binascii.a2b_base64(letters, strict_mode=True)
    except ValueError as err:
        raise InvalidBase64("the image is not base64; encode the file's bytes again") from err


def is_encoded_image(text: bytes) -> bool:
    """Return whether a text is a `data:` URL, or base64 of what begins like an accepted image."""
    if text[:5].lower() == b"data:":
        return True
    head = text[:64].translate(_PLAIN, _BLANKS)
    try:
        sniff_format(base64.b64decode(head[: len(head) // 4 * 4], validate=True))
    except (ValueError, ImageError):
        return False
    return True


def refuse_address(text: bytes) -> None:
    """Refuse an address in place of an image: what it leads to is never fetched.

    Raises:
        AddressNotFetched: `text` begins with one.
    """
    if found := _ADDRESS.match(text[:1100]):
        address = shlex.quote(found[1].decode("utf-8", "replace"))
        raise AddressNotFetched(
            f"an address is not fetched here, send the image itself: curl -L -o image {address[:400]} && "
            "curl -F file=@image …/predict"
        )


def refuse_file_name(text: bytes) -> None:
    """Refuse the name of a file in place of its bytes.

    Raises:
        InvalidBase64: `text` is one.
    """
    if name := file_name(text):
        raise InvalidBase64(
            f"{name!r} is the name of a file, not its bytes; send the file: -F file=@{shlex.quote(name)}, "
            "or its bytes as base64"
        )


def file_name(text: bytes) -> str | None:
    """Return the name of an image file that `text` is, if it is one."""
    found = _FILE_NAME.fullmatch(text) if len(text) < 300 else None
    return found[1].decode("utf-8", "replace") if found else None


def _without_data_head(text: bytes) -> bytes:
    if text[:5].lower() != b"data:":
        return text
    comma = text.find(b",", 0, _DATA_URL_HEAD_BYTES)
    if comma < 0 or not text[:comma].rstrip().lower().endswith(b";base64"):
        raise InvalidBase64("a data: URL must be base64, as data:image/png;base64,…")
    return text[comma + 1 :]
