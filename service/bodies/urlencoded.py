"""A form as browsers and HTTP libraries send one without files: names and texts, percent-encoded."""

import re
from typing import Final
from urllib.parse import unquote_plus

from service.bodies.form_data import FormPart
from service.errors import MalformedBody

_BEGINNING: Final = re.compile(rb"[\w.%+\-\[\]]{1,100}=")
_MAX_FIELDS: Final = 200
# A longer text is an image, whose letters are few. The `+` of one that was not encoded stays one.
_SHORT_BYTES: Final = 1000
_MIN_BYTES_A_SIGN: Final = 10
_ENCODED: Final = tuple(
    (f"%{ord(letter):02{case}}".encode(), letter.encode())
    for letter in "+/=-_:;,\r\n "
    for case in ("X", "x")
)


def begins_like_fields(start: bytes) -> bool:
    """Return whether a body begins with a name and `=`."""
    return _BEGINNING.match(start) is not None


def read_fields(body: bytes) -> list[FormPart]:
    """Return the fields as parts of a form.

    Raises:
        MalformedBody: there are too many.
    """
    if body.count(b"&") >= _MAX_FIELDS:
        raise MalformedBody(f"the form has over {_MAX_FIELDS} fields; send images as files")
    parts = []
    for field in body.split(b"&"):
        name, _, value = field.partition(b"=")
        parts.append(FormPart(name=_plain(name[:_SHORT_BYTES]), data=_value(value)))
    return parts


def _value(encoded: bytes) -> bytes:
    if len(encoded) <= _SHORT_BYTES:
        # A short image's `+` is a blank here too, which base64 has not: the same as in a long one.
        return _plain(encoded).encode()
    if encoded.count(b"%") * _MIN_BYTES_A_SIGN > len(encoded):
        return encoded  # no base64, a few letters of which are encoded
    for written, letter in _ENCODED:
        encoded = encoded.replace(written, letter)
    return encoded


def _plain(encoded: bytes) -> str:
    return unquote_plus(encoded.decode("latin-1"), errors="replace")
