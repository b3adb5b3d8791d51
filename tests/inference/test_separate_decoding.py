"""Costly images are decoded in a process apart, which is ended where it takes too long."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import pytest

from inference.decoding import DEFAULT_LIMITS
from inference.decoding_process import DecodeRequest
from inference.errors import ImageTooCostly, UndecodableImage, UnsupportedFormat
from inference.preprocessing import prepare_image
from inference.separate_decoding import SeparateDecoder
from inference.strictjson import to_json
from tests.builders import SPEC, encode
from tests.inference.samples import noise


@pytest.fixture(scope="module")
def decoder() -> Iterator[SeparateDecoder]:
    made = SeparateDecoder()
    yield made
    made.close()


def child(decoder: SeparateDecoder) -> "subprocess.Popen[bytes]":
    assert decoder._process is not None
    return decoder._process


@pytest.mark.parametrize("image_format", ["PNG", "JPEG", "WEBP"])
def test_the_pixels_are_those_of_a_thread(decoder: SeparateDecoder, image_format: str) -> None:
    data = encode(noise((300, 200)), image_format)
    here = prepare_image(data, SPEC)
    apart, seconds = decoder.prepare(data, SPEC, limits=DEFAULT_LIMITS)
    np.testing.assert_array_equal(apart.pixels, here.pixels)
    assert apart.source_wh == here.source_wh == (300, 200)
    assert 0 <= seconds < 1


def test_errors_come_back_as_they_are(decoder: SeparateDecoder) -> None:
    with pytest.raises(UnsupportedFormat, match="PDF"):
        decoder.prepare(b"%PDF-1.7", SPEC, limits=DEFAULT_LIMITS)
    with pytest.raises(UndecodableImage, match="truncated or damaged"):
        decoder.prepare(encode(noise((300, 200)))[:-500], SPEC, limits=DEFAULT_LIMITS)
    few = dataclasses.replace(DEFAULT_LIMITS, max_memory_bytes=1000)
    with pytest.raises(ImageTooCostly, match="300x200"):
        decoder.prepare(encode(noise((300, 200))), SPEC, limits=few)


def test_a_process_that_ended_is_followed_by_another(decoder: SeparateDecoder) -> None:
    data = encode(noise((300, 200)))
    decoder.prepare(data, SPEC, limits=DEFAULT_LIMITS)
    first = child(decoder)
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    decoder.prepare(data, SPEC, limits=DEFAULT_LIMITS)
    assert child(decoder).pid != first.pid


def test_an_image_whose_process_is_ended_takes_too_much(decoder: SeparateDecoder) -> None:
    data = encode(noise((300, 200)))
    decoder.prepare(data, SPEC, limits=DEFAULT_LIMITS)
    os.kill(child(decoder).pid, signal.SIGSTOP)
    # On the clock ten times what it may take of a core.
    with pytest.raises(ImageTooCostly, match="too much time"):
        decoder.prepare(data, SPEC, limits=dataclasses.replace(DEFAULT_LIMITS, max_seconds=0.05))
    decoder.prepare(data, SPEC, limits=DEFAULT_LIMITS)


def test_the_kernel_ends_a_decode_that_looks_at_no_clock() -> None:
    code = "from inference.decoding_process import _end_after; _end_after(0.1)\nwhile True: pass"
    done = subprocess.run([sys.executable, "-c", code], check=False, timeout=60)
    assert done.returncode == -signal.SIGPROF


def test_one_whose_asker_has_gone_ends_without_a_word() -> None:
    data = encode(noise((30, 20)))
    request = DecodeRequest(num_bytes=len(data), spec=SPEC, limits=DEFAULT_LIMITS)
    code = "from inference.decoding_process import main; main()"
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=pipe, stdout=pipe, stderr=pipe
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        process.stdin.write(json.dumps(to_json(request)).encode() + b"\n" + data)
        process.stdin.close()
        assert process.stderr.read() == b""


def test_a_closed_one_starts_nothing() -> None:
    decoder = SeparateDecoder()
    decoder.prepare(encode(noise((30, 20))), SPEC, limits=DEFAULT_LIMITS)
    process = child(decoder)
    decoder.close()
    assert process.poll() == -signal.SIGKILL
    with pytest.raises(ImageTooCostly):
        decoder.prepare(encode(noise((30, 20))), SPEC, limits=DEFAULT_LIMITS)
