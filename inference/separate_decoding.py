"""Decode costly images in a process of its own, which can be ended and gives its memory back.

A decode is a call into C: in a thread nothing ends it, and what it does under Python's lock stops all
others.
"""

import json
import subprocess
import threading
from typing import Final

import numpy as np

from inference.child_process import start_child
from inference.decoding import DecodeLimits
from inference.decoding_process import ERRORS, DecodeReply, DecodeRequest
from inference.errors import ImageTooCostly
from inference.preprocessing import PreparedImage, PreprocessSpec
from inference.strictjson import from_json, parse_json, to_json

# The clock may run so many times as far as the processor: others may be using the cores.
_CLOCK_PER_CPU: Final = 10


class SeparateDecoder:
    """Starts the process when it is first needed, and again where it has ended. One image at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._is_closed = False

    def prepare(
        self, data: bytes, spec: PreprocessSpec, *, limits: DecodeLimits
    ) -> tuple[PreparedImage, float]:
        """Return what `prepare_image` returns, and the seconds of a core that it took. Blocking.

        Raises:
            ImageError: as `prepare_image`; `ImageTooCostly` also where the process had to be ended.
        """
        request = DecodeRequest(num_bytes=len(data), spec=spec, limits=limits)
        with self._lock:
            found = self._ask(request, data)
            if found is None and not self._is_closed and self._has_gone_idle():
                found = self._ask(request, data)
        if found is None:
            raise ImageTooCostly("image takes too much time or memory to decode; scale it down")
        reply, pixels = found
        if reply.error is not None:
            raise ERRORS[reply.error](reply.message)
        shape = (*spec.crop_hw, 3)
        array = np.frombuffer(pixels, np.uint8).reshape(shape)
        prepared = PreparedImage(pixels=array, source_wh=reply.source_wh, notes=reply.notes)
        return prepared, reply.seconds

    def close(self) -> None:
        """End the process, and what it is doing."""
        self._is_closed = True
        if self._process is not None:
            self._process.kill()
        with self._lock:  # whoever waits for an answer has been told by the end of the pipe
            if self._process is not None:
                self._process.kill()
                self._process.wait()
                _close_pipes(self._process)

    def _has_gone_idle(self) -> bool:
        """Whether the process had ended by itself just when it was asked."""
        return self._process is None or self._process.wait() == 0

    def _ask(self, request: DecodeRequest, data: bytes) -> tuple[DecodeReply, bytes] | None:
        process = self._running()
        if process is None:
            return None
        timer = threading.Timer(request.limits.max_seconds * _CLOCK_PER_CPU, process.kill)
        timer.start()
        try:
            return _exchange(process, request, data)
        except (BrokenPipeError, EOFError):
            return None
        finally:
            timer.cancel()

    def _running(self) -> "subprocess.Popen[bytes] | None":
        if self._is_closed:
            return None
        if self._process is not None and self._process.poll() is None:
            return self._process
        if self._process is not None:
            _close_pipes(self._process)
        try:
            self._process = start_child("inference.decoding_process")
        except OSError:
            self._process = None
        return self._process


def _exchange(
    process: "subprocess.Popen[bytes]", request: DecodeRequest, data: bytes
) -> tuple[DecodeReply, bytes]:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps(to_json(request)).encode() + b"\n" + data)
    process.stdin.flush()
    line = process.stdout.readline()
    if not line.endswith(b"\n"):
        raise EOFError
    reply = from_json(DecodeReply, parse_json(line), where="reply")
    height, width = request.spec.crop_hw
    expected_bytes = 0 if reply.error is not None else height * width * 3
    pixels = process.stdout.read(expected_bytes)
    if len(pixels) < expected_bytes:
        raise EOFError
    return reply, pixels


def _close_pipes(process: "subprocess.Popen[bytes]") -> None:
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            try:
                pipe.close()
            except BrokenPipeError:  # what was not written yet
                continue
