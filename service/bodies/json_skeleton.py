"""JSON whose bulk is a few long texts or arrays of numbers, read at a cost that its bytes bound.

The long values are cut out where they lie, without being parsed or copied; what is left, the skeleton, is
small or the body is refused, and is parsed as any JSON. A parser that is given all of it builds what it
reads: 64 MB of empty strings are gigabytes and half a minute under Python's lock, whatever is checked
afterwards. ijson would stop in time but takes 10 s for one text of 64 MB (3.6, yajl2_c).
"""

import secrets
from dataclasses import dataclass
from typing import Any, Final, Literal

from pydantic_core import from_json

from service.errors import MalformedBody, TooManyImages

# A text that is longer, or numbers that take more, are cut out.
_SHORT_TEXT_BYTES: Final = 256
_SHORT_NUMBERS_BYTES: Final = 1024
# Escaped, a character outside of Unicode's first plane takes so many.
_MAX_BYTES_A_CHAR: Final = 12
# Itself, and its name where that is long.
_CUTS_AN_IMAGE: Final = 2
# What a skeleton may be: so much for names and options, and this for each image.
_SKELETON_BYTES: Final = 16 * 2**10
_SKELETON_BYTES_AN_IMAGE: Final = 2 * _SHORT_TEXT_BYTES
# More backslashes than this before a quote are no text of ours, and would be counted again for each.
_MAX_BACKSLASHES: Final = 64
_BLANKS: Final = b" \t\r\n"
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
# Stands in the skeleton for what was cut out; nobody outside this process knows it.
_MARK: Final = f"{secrets.token_hex(8)}:"


@dataclass(frozen=True, slots=True)
class Cut:
    """A value that was cut out: a text as it stood between its quotes, or an array from [ to ]."""

    kind: Literal["text", "numbers"]
    json: memoryview

    def first_chars(self, count: int) -> str:
        """Return the beginning of a text.

        Raises:
            MalformedBody: it is no text of JSON.
        """
        head = b'"' + self.json[: count * _MAX_BYTES_A_CHAR]
        try:
            text: str = from_json(head, allow_partial="trailing-strings")
        except ValueError as err:
            raise MalformedBody("no JSON: a text holds what is no text of JSON") from err
        return text[:count]


class CutJson:
    """A parsed skeleton and what was cut out of it.

    Attributes:
        text: the skeleton; `value` is what it says.
    """

    def __init__(self, text: bytes, cuts: list[Cut]) -> None:
        self.text = text
        self._cuts = cuts
        self._left = set(range(len(cuts)))

    def parse(self) -> Any:
        """Return what the skeleton says.

        Raises:
            MalformedBody: it is no JSON.
        """
        try:
            return from_json(self.text, allow_inf_nan=False)
        except ValueError as err:
            place = "" if self._cuts else str(err).partition(" at ")[2]
            reason = str(err).partition(" at ")[0]
            raise MalformedBody(f"no JSON: {reason}{place and f' at {place}'}") from err

    def take(self, value: Any) -> Cut | None:
        """Return what a value of the skeleton stands for; None where it stands for itself."""
        if not isinstance(value, str) or not value.startswith(_MARK):
            return None
        index = int(value.removeprefix(_MARK))
        self._left.discard(index)
        return self._cuts[index]

    def check_all_taken(self) -> None:
        """Refuse a long value in a place where nobody asked for one.

        Raises:
            MalformedBody: there is one.
        """
        if self._left:
            kind = self._cuts[min(self._left)].kind
            raise MalformedBody(f"a long {kind} stands where no image belongs")


def cut_json(body: bytes, *, max_images: int) -> CutJson:
    """Cut the long values out of a JSON body.

    Raises:
        TooManyImages: there are more long values than so many images and their names have.
        MalformedBody: so much is left that it is not the body of `max_images` images, or a text has no end.
    """
    return _Cutter(body, max_images).run()


class _Cutter:
    def __init__(self, body: bytes, max_images: int) -> None:
        self._body = body
        self._view = memoryview(body)
        self._max_images = max_images
        self._max_bytes = _SKELETON_BYTES + _SKELETON_BYTES_AN_IMAGE * max_images
        self._left = self._max_bytes
        self._kept: list[memoryview | bytes] = []
        self._cuts: list[Cut] = []

    def run(self) -> CutJson:
        position = len(_BYTE_ORDER_MARK) if self._body.startswith(_BYTE_ORDER_MARK) else 0
        while (quote := self._body.find(b'"', position)) >= 0:
            self._between(position, quote)
            end = self._text_end(quote)
            self._text(quote, end)
            position = end
        self._between(position, len(self._body))
        return CutJson(b"".join(self._kept), self._cuts)

    def _text(self, start: int, end: int) -> None:
        """Keep or cut a text, its quotes included."""
        if end - start - 2 <= _SHORT_TEXT_BYTES:
            self._keep(start, end)
        elif self._body[end : end + 16].lstrip(_BLANKS).startswith(b":"):
            raise MalformedBody(f"a key of the JSON body is over {_SHORT_TEXT_BYTES} bytes")
        else:
            self._cut("text", start + 1, end - 1)

    def _text_end(self, start: int) -> int:
        """Return the place after the quote that ends the text beginning at `start`."""
        position = start + 1
        while (quote := self._body.find(b'"', position)) >= 0:
            before = self._body[max(start + 1, quote - _MAX_BACKSLASHES) : quote]
            backslashes = len(before) - len(before.rstrip(b"\\"))
            if backslashes == _MAX_BACKSLASHES:
                break
            if backslashes % 2 == 0:
                return quote + 1
            self._spend(2)  # an escaped quote, which an image has none of
            position = quote + 1
        raise MalformedBody("a text of the JSON body does not end; send all of it")

    def _between(self, start: int, end: int) -> None:
        """Keep what is between two texts, without the array of numbers that it may hold."""
        if end - start > _SHORT_NUMBERS_BYTES:
            found = self._numbers(start, end)
            if found is not None:
                first, last = found
                self._keep(start, first)
                self._cut("numbers", first, last)
                start = last
        self._keep(start, end)

    def _numbers(self, start: int, end: int) -> tuple[int, int] | None:
        """Return from where to where an array lies that is nearly all there is between two places."""
        first = self._body.find(b"[", start, start + _SHORT_NUMBERS_BYTES)
        if first < 0:
            return None
        head = self._body[first : first + _SHORT_NUMBERS_BYTES]
        depth = head[: len(head) - len(head.lstrip(b"[" + _BLANKS))].count(b"[")
        tail_start = max(first, end - _SHORT_NUMBERS_BYTES)
        tail = self._body[tail_start:end]
        last = tail_start + len(tail.rstrip(b",]}" + _BLANKS))
        for _ in range(depth):
            last = self._body.find(b"]", last, end) + 1
            if last == 0:
                return None
        return first, last

    def _cut(self, kind: Literal["text", "numbers"], start: int, end: int) -> None:
        if len(self._cuts) > _CUTS_AN_IMAGE * self._max_images:
            raise TooManyImages(
                f"more than {self._max_images} images in one request; send them in several"
            )
        mark = f'"{_MARK}{len(self._cuts)}"'.encode()
        self._spend(len(mark))
        self._kept.append(mark)
        self._cuts.append(Cut(kind, self._view[start:end]))

    def _keep(self, start: int, end: int) -> None:
        self._spend(end - start)
        self._kept.append(self._view[start:end])

    def _spend(self, num_bytes: int) -> None:
        self._left -= num_bytes
        if self._left < 0:
            raise MalformedBody(
                f"beside long texts the JSON body is over {self._max_bytes:,} bytes, more than "
                "names, options and as many images as one request may hold take"
            )
