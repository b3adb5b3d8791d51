"""Bodies that are made to cost: refused at the price of reading them, while others are answered.

A parser that builds what it reads takes for most of them seconds to a minute, and gigabytes.
"""

import gzip
import json
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import httpx2
import pytest

from tests.builders import coloured, make_package
from tests.service.attack_cost import at_once, measured, resident_mb
from tests.service.oip_requests import INFER, LENGTH
from tests.service.service_process import Process, running

# Half of what docs/security.md promises, for bodies of half the size that a request may have.
MAX_CPU_S: Final = 1.0
MAX_MEMORY_MB: Final = 150.0
# The promise is one second; machines that run tests do other things too.
MAX_LIVE_S: Final = 2.0

MB: Final = 10**6
BODY_BYTES: Final = 32 * MB
JSON: Final = {"Content-Type": "application/json"}
FORM: Final = {"Content-Type": "multipart/form-data; boundary=B"}
FILE: Final = b'--B\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n'
FIELDS: Final = {"Content-Type": "application/x-www-form-urlencoded"}

Attack = tuple[str, bytes, dict[str, str]]


def full_of(unit: bytes, num_bytes: int = BODY_BYTES) -> bytes:
    return unit * (num_bytes // len(unit))


def predict(before: bytes, unit: bytes, after: bytes) -> Attack:
    return "/predict", before + full_of(unit) + after, JSON


def infer(unit: bytes, datatype: str, shape: list[int]) -> Attack:
    given = {"name": "image", "datatype": datatype, "shape": shape, "data": "DATA"}
    before, after = json.dumps({"inputs": [given]}).encode().split(b'"DATA"')
    data = full_of(unit).rstrip(b",")
    return INFER, before + b"[" + data + b"]" + after, JSON


def infer_raw(raw: bytes, datatype: str, shape: list[int]) -> Attack:
    parameters = {"binary_data_size": len(raw)}
    given = {"name": "image", "datatype": datatype, "shape": shape, "parameters": parameters}
    header = json.dumps({"inputs": [given]}).encode()
    return INFER, header + raw, {LENGTH: str(len(header))}


def many_keys() -> bytes:
    return b",".join(b'"%d":0' % number for number in range(2_500_000))


ATTACKS: Final[dict[str, Callable[[], Attack]]] = {
    "empty strings": lambda: predict(b'{"images":[', b'"",', b'""]}'),
    "unknown keys": lambda: ("/predict", b"{" + many_keys() + b"}", JSON),
    "keys in parameters": lambda: predict(b'{"image":"","parameters":{', b'"a":0,', b'"b":0}}'),
    "base64 broken by blanks": lambda: predict(b'{"images":["', b"ab ", b'"]}'),
    "base64 full of escapes": lambda: predict(b'{"images":["', rb"\u002B", b'"]}'),
    "a text of quotes": lambda: predict(b'{"images":["', rb"\"", b'"]}'),
    "a text of backslashes": lambda: predict(b'{"images":["', rb"\\", b'"]}'),
    "a text of wide characters": lambda: predict(
        b'{"images":["' + "\U0001f600".encode(), b"AAAA", b'"]}'
    ),
    "nested lists": lambda: predict(b"", b"[", b""),
    "a number": lambda: predict(b'{"images":[', b"9", b"]}"),
    "numbers": lambda: predict(b'{"images":[', b"0,", b"0]}"),
    "blanks": lambda: predict(b'{"images":', b" ", b'[""]}'),
    "infer: empty lists": lambda: infer(b"[],", "BYTES", [1]),
    "infer: empty strings": lambda: infer(b'"",', "BYTES", [1]),
    "infer: zeros": lambda: infer(b"0,", "UINT8", [1, 16, 16, 3]),
    "infer: as many zeros as it says": lambda: infer(b"0,", "UINT8", [1, BODY_BYTES // 2]),
    "infer: lists of a zero": lambda: infer(b"[0],", "UINT8", [1, BODY_BYTES // 4]),
    "infer: a shape of ones": lambda: (
        INFER,
        b'{"inputs":[{"name":"image","shape":[' + full_of(b"1,") + b"1]}]}",
        JSON,
    ),
    "infer: images of no bytes": lambda: infer_raw(bytes(BODY_BYTES), "BYTES", [1]),
    "a form of boundaries": lambda: ("/predict", FILE + full_of(b"\r\n--Bx"), FORM),
    "a form of half boundaries": lambda: ("/predict", FILE + full_of(b"\r\n--"), FORM),
    "a form of texts": lambda: ("/predict", full_of(FILE.replace(b"filename", b"n") + b"\r\n"), FORM),
    "a form of files": lambda: ("/predict", full_of(FILE + b"\r\n"), FORM),
    "a text of percent signs": lambda: ("/predict", b"image=" + full_of(b"%41"), FIELDS),
    "fields": lambda: ("/predict", full_of(b"a=&"), FIELDS),
    "gzip of a gigabyte": lambda: (
        "/predict",
        gzip.compress(bytes(500 * MB), 1),
        {"Content-Encoding": "gzip"},
    ),
    "gzip of empty strings": lambda: (
        "/predict",
        gzip.compress(predict(b'{"images":[', b'"",', b'""]}')[1], 1),
        {**JSON, "Content-Encoding": "gzip"},
    ),
    "deflate of nothing": lambda: (
        "/predict",
        zlib.compress(b"")[:2] + full_of(b"\0\0\0\xff\xff"),
        {"Content-Encoding": "deflate"},
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    models_dir: Path = tmp_path_factory.mktemp("models")
    make_package(models_dir)
    with running(models_dir) as process:
        for _ in range(3):
            httpx2.post(f"{process.url}/predict", content=coloured("red"))
        yield process
        assert process.stop() == 0
        assert "Traceback" not in process.log


@pytest.mark.parametrize("name", ATTACKS)
def test_a_body_costs_no_more_than_its_reading(service: Process, name: str) -> None:
    path, body, headers = ATTACKS[name]()
    with measured(service) as cost:
        status = send(service, path, body, headers)
    assert status in (400, 413, 415, 422)
    assert cost.cpu_s < MAX_CPU_S
    assert cost.memory_mb < MAX_MEMORY_MB
    assert cost.slowest_live_s < MAX_LIVE_S
    good = httpx2.post(f"{service.url}/predict", content=coloured("red"), timeout=60)
    assert good.status_code == 200


def send(service: Process, path: str, body: bytes, headers: dict[str, str]) -> int:
    """Return the status; 413 too where the service hung up rather than read on."""
    try:
        return httpx2.post(
            service.url + path, content=body, headers=headers, timeout=120
        ).status_code
    except (httpx2.WriteError, httpx2.ReadError):
        return 413


def test_the_memory_of_large_requests_goes_back(service: Process) -> None:
    photo = FILE + coloured("red", (900, 800), "BMP") + b"\r\n"
    form = full_of(photo, 60 * MB) + b"--B--\r\n"
    before_mb = resident_mb(service.process.pid)
    assert at_once(lambda: send(service, "/predict", form, FORM), times=8) == [200] * 8
    gives_up_at = time.monotonic() + 30
    while resident_mb(service.process.pid) - before_mb > len(form) / MB:  # of eight
        assert time.monotonic() < gives_up_at
        httpx2.get(f"{service.url}/health/live")
