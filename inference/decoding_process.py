"""The process in which costly images are decoded: bounded, expendable, one image after the other.

It reads from its standard input a line of JSON and the encoded image, and answers on its standard output
with a line and the pixels, until nobody asks any more.
"""

import json
import os
import select
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from inference.child_process import bound_data, go_first
from inference.decoding import DecodeLimits, read_header
from inference.errors import (
    ImageError,
    ImageTooCostly,
    ImageTooLarge,
    UndecodableImage,
    UnsupportedFormat,
)
from inference.freed_memory import trim_heaps
from inference.preprocessing import PreprocessSpec, prepare_image
from inference.strictjson import from_json, parse_json, to_json

ERRORS: Final = {
    kind.__name__: kind
    for kind in (ImageTooCostly, ImageTooLarge, UndecodableImage, UnsupportedFormat)
}
# It holds some 60 MB while it waits.
_IDLE_S: Final = 60.0
# The decoder's own clock comes first; this one ends what never looks at it.
_GRACE_S: Final = 0.2
# Beside twice what an image takes (Pillow reserves canvases of a WebP that are never written to): its
# encoded bytes, three times, and what Python needs.
_SPARE_BYTES: Final = 100 * 10**6


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodeRequest:
    """The line before an image of `num_bytes`."""

    num_bytes: int
    spec: PreprocessSpec
    limits: DecodeLimits


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodeReply:
    """The line before the pixels, (H, W, 3) uint8 of the spec's `crop_hw`; or an error, without pixels.

    `seconds` are of a core, for this image.
    """

    seconds: float
    source_wh: tuple[int, int] = (0, 0)
    notes: tuple[str, ...] = ()
    error: str | None = None
    message: str = ""


def main() -> None:
    """Decode until the standard input ends, or nothing was asked for a minute."""
    go_first()
    asked, answers = sys.stdin.buffer, sys.stdout.buffer
    while _is_asked(asked.fileno()) and (line := asked.readline()):
        request = from_json(DecodeRequest, parse_json(line), where="request")
        reply, pixels = _answer(request, asked.read(request.num_bytes))
        answers.write(json.dumps(to_json(reply)).encode() + b"\n" + pixels)
        answers.flush()
        trim_heaps()


def _answer(request: DecodeRequest, data: bytes) -> tuple[DecodeReply, bytes]:
    _bound_memory(data, request)
    _end_after(request.limits.max_seconds + _GRACE_S)
    started = time.process_time()
    try:
        prepared = prepare_image(data, request.spec, limits=request.limits)
    except ImageError as err:
        reply = DecodeReply(
            seconds=time.process_time() - started, error=type(err).__name__, message=str(err)
        )
        return reply, b""
    finally:
        _end_after(0)
    reply = DecodeReply(
        seconds=time.process_time() - started,
        source_wh=prepared.source_wh,
        notes=prepared.notes,
    )
    return reply, prepared.pixels.tobytes()


def _end_after(seconds: float) -> None:
    """Have the kernel end this process once it has used so many seconds of a core; 0 takes that back."""
    if sys.platform != "win32":
        signal.setitimer(signal.ITIMER_PROF, seconds)


def _bound_memory(data: bytes, request: DecodeRequest) -> None:
    """Allow this process what the image takes by its header, where the system can hold it to that."""
    if sys.platform != "linux":
        return
    try:
        header = read_header(data, shorter_px=request.spec.resize_shorter_px)
    except ImageError:
        header = None
    taken_bytes = 2 * header.memory_bytes if header is not None else 0
    data_pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[5])
    bound_data(data_pages * os.sysconf("SC_PAGE_SIZE") + taken_bytes + _SPARE_BYTES)


def _is_asked(descriptor: int) -> bool:
    if sys.platform == "win32":  # cannot wait for a pipe
        return True
    return bool(select.select([descriptor], [], [], _IDLE_S)[0])
