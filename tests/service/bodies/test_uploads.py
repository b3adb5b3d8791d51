"""Bodies as people and attackers send them: three forms, and every limit."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response

from tests.builders import coloured, make_package
from tests.conftest import ClientFactory, serving

RED = coloured("red")
RED_BASE64 = base64.b64encode(RED).decode()


@pytest.fixture
def client(shared_client: TestClient) -> TestClient:
    return shared_client


@pytest.fixture(scope="module")
def strict(colours_dir: Path) -> Iterator[TestClient]:
    """A service with small limits: 2,000 bytes an image, 4,000 a request, 3 images."""
    with serving(colours_dir, max_image_bytes=2000, max_request_bytes=4000, max_images=3) as client:
        yield client


def send(client: TestClient, body: bytes, content_type: str | None, **headers: str) -> Response:
    if content_type is not None:
        headers["content-type"] = content_type
    return client.post("/predict", content=body, headers=headers)


def send_json(client: TestClient, value: object) -> Response:
    return send(client, json.dumps(value).encode(), "application/json")


def form(*parts: bytes, end: bytes = b"--B--\r\n") -> bytes:
    return b"".join(b"--B\r\n" + part + b"\r\n" for part in parts) + end


def part(data: bytes, disposition: str = 'form-data; name="f"; filename="a.png"') -> bytes:
    return f"Content-Disposition: {disposition}\r\n\r\n".encode() + data


def send_form(client: TestClient, body: bytes) -> Response:
    return send(client, body, "multipart/form-data; boundary=B")


@pytest.mark.parametrize(
    "content_type",
    ["image/png", "image/jpeg", "IMAGE/PNG; x=y", "application/octet-stream", None],
)
def test_a_raw_image_is_told_by_its_bytes(client: TestClient, content_type: str | None) -> None:
    assert send(client, RED, content_type).json()["predictions"][0]["label"] == "red"


def test_a_chunked_body_is_read(client: TestClient) -> None:
    def chunks() -> Iterator[bytes]:
        for byte in RED:
            yield bytes([byte])

    response = client.post("/predict", content=chunks(), headers={"content-type": "image/png"})
    assert response.json()["predictions"][0]["label"] == "red"


@pytest.mark.parametrize(
    "text",
    [
        RED_BASE64,
        f"data:image/png;base64,{RED_BASE64}",
        f"DATA:;base64,{RED_BASE64}",
        "\n".join(RED_BASE64[i : i + 20] for i in range(0, len(RED_BASE64), 20)),
        RED_BASE64.rstrip("="),
        base64.urlsafe_b64encode(RED).decode(),
    ],
    ids=["plain", "data URL", "bare data URL", "wrapped lines", "no padding", "URL-safe"],
)
def test_base64_is_read_as_people_write_it(client: TestClient, text: str) -> None:
    assert send_json(client, {"images": [text]}).json()["predictions"][0]["label"] == "red"


@pytest.mark.parametrize("text", ["!", "A", "data:image/png,abc", "photo.jpg", "ü" * 8])
def test_what_is_not_base64_is_told(client: TestClient, text: str) -> None:
    response = send_json(client, {"images": [text]})
    assert (response.status_code, response.json()["code"]) == (422, "invalid_base64")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"{}",
        b'{"images": [1]}',
        b'{"images": [[1, 2]]}',
        b'{"images": {"a": 1}}',
        b'{"images": ["x"], "image": "x"}',
        b'{"images": ["x"], "topk": 3}',
        b'{"images": ["x"], "parameters": 3}',
        b'{"images": [null]}',
        b'{"images": [NaN]}',
        b'{"images": [' + b"9" * 5000 + b"]}",
        b"[" * 100_000,
        b"\xff\xfe",
    ],
    ids=lambda body: body[:16].decode("latin-1") or "empty",
)
def test_json_of_another_form_is_malformed(client: TestClient, body: bytes) -> None:
    response = send(client, body, "application/json")
    assert (response.status_code, response.json()["code"]) == (400, "malformed_body")


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"", "image/png"),
        (b'{"images": []}', "application/json"),
        (b'{"images": [], "top_k": 3}', "application/json"),
        (b"[]", "application/json"),
        (form(), "multipart/form-data; boundary=B"),
    ],
    ids=["raw", "json", "json with an option", "json list", "form"],
)
def test_a_body_without_an_image_says_so(
    client: TestClient, body: bytes, content_type: str
) -> None:
    response = send(client, body, content_type)
    assert (response.status_code, response.json()["code"]) == (400, "no_images")


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "application/pdf", "x"]
)
def test_a_text_of_another_content_type_is_refused_with_advice(
    client: TestClient, content_type: str
) -> None:
    response = send(client, b"a photograph", content_type)
    assert (response.status_code, response.json()["code"]) == (415, "unsupported_body")
    assert "Content-Type: image/jpeg" in response.json()["detail"]


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "nonsense"])
def test_another_content_encoding_is_refused(client: TestClient, encoding: str) -> None:
    response = send(client, RED, "image/png", **{"content-encoding": encoding})
    assert response.status_code == 415
    assert "content encoding" in response.json()["detail"]


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (b"hello", 415, "unsupported_format"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", 415, "unsupported_format"),
        (b"%PDF-1.7", 415, "unsupported_format"),
        (RED[: len(RED) // 2], 422, "undecodable_image"),
        (b"\x89PNG\r\n\x1a\n", 422, "undecodable_image"),
    ],
    ids=["text", "svg", "pdf", "truncated", "only a signature"],
)
def test_a_lone_bad_image_is_the_requests_own_problem(
    client: TestClient, data: bytes, status: int, code: str
) -> None:
    response = send(client, data, "image/png")
    assert (response.status_code, response.json()["code"]) == (status, code)


def test_too_many_pixels_are_refused_from_the_header(
    models_dir: Path, start_service: ClientFactory
) -> None:
    make_package(models_dir)
    response = send(start_service(max_pixels=400), coloured("red", (21, 20)), "image/png")
    assert (response.status_code, response.json()["code"]) == (422, "too_many_pixels")
    assert "21x20" in response.json()["detail"]


def test_an_image_over_the_byte_limit_is_413(strict: TestClient) -> None:
    response = send(strict, RED + b"\0" * 2000, "image/png")
    assert (response.status_code, response.json()["code"]) == (413, "too_many_bytes")
    assert "2,000" in response.json()["detail"]


def test_a_chunked_body_over_the_limit_is_413(strict: TestClient) -> None:
    response = strict.post(
        "/predict", content=iter([b"\0" * 1500] * 9), headers={"content-type": "image/png"}
    )
    assert response.status_code == 413
    assert response.headers["connection"] == "close"


def test_an_image_over_the_limit_leaves_its_neighbours_alone(strict: TestClient) -> None:
    response = send_form(strict, form(part(RED), part(b"\0" * 2500), part(RED)))
    first, large, last = response.json()["predictions"]
    assert (first["label"], last["label"]) == ("red", "red")
    assert (large["problem"]["status"], large["problem"]["code"]) == (413, "too_many_bytes")


def test_a_base64_image_over_the_limit_leaves_its_neighbours_alone(strict: TestClient) -> None:
    large = base64.b64encode(b"\0" * 2500).decode()
    entries = send_json(strict, {"images": [large, RED_BASE64]}).json()["predictions"]
    assert entries[0]["problem"]["code"] == "too_many_bytes"
    assert entries[1]["label"] == "red"


@pytest.mark.parametrize("size", [4001, 100_000])
def test_a_request_over_the_byte_limit_is_413(strict: TestClient, size: int) -> None:
    response = send(strict, b" " * size, "application/json")
    assert (response.status_code, response.json()["code"]) == (413, "too_many_bytes")


def test_more_images_than_allowed_are_413_in_a_form(strict: TestClient) -> None:
    response = send_form(strict, form(*[part(RED)] * 4))
    assert (response.status_code, response.json()["code"]) == (413, "too_many_images")


def test_more_images_than_allowed_are_413_in_json(strict: TestClient) -> None:
    response = send_json(strict, {"images": [""] * 4})
    assert (response.status_code, response.json()["code"]) == (413, "too_many_images")


def test_bytes_held_for_all_requests_are_limited(
    models_dir: Path, start_service: ClientFactory
) -> None:
    make_package(models_dir)
    client = start_service(max_buffered_bytes=5000, max_request_bytes=5000)
    client.app.state.context.admission.reserve(images=0, num_bytes=4990)  # type: ignore[attr-defined]
    assert send(client, RED, "image/png").status_code == 429


@pytest.mark.parametrize(
    "body",
    [
        form(part(RED), end=b""),
        form(part(RED), end=b"--B"),
        b"--B\r\nno header\r\n\r\nx\r\n--B--\r\n",
        b"nothing of a form",
        b"\r" * 10_000,
        form(*[b"X: y\r\n" * 20 + b"\r\n"]),
        form(b"X: " + b"y" * 100_000 + b"\r\n\r\n"),
    ],
    ids=[
        "no end",
        "half an end",
        "bad header",
        "no form",
        "returns",
        "many headers",
        "long header",
    ],
)
def test_a_broken_form_is_malformed(client: TestClient, body: bytes) -> None:
    response = send_form(client, body)
    assert (response.status_code, response.json()["code"]) == (400, "malformed_body")


@pytest.mark.parametrize(
    "content_type",
    ["multipart/form-data; boundary=" + "B" * 10_000, "multipart/form-data; boundary=C"],
    ids=["long", "another"],
)
def test_a_boundary_that_cannot_be_used_is_malformed(client: TestClient, content_type: str) -> None:
    response = send(client, form(part(RED)), content_type)
    assert (response.status_code, response.json()["code"]) == (400, "malformed_body")


@pytest.mark.parametrize(
    ("sent", "returned"),
    [
        ("../../etc/passwd", "../../etc/passwd"),
        ("고양이.png", "고양이.png"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("x" * 999, "x" * 255),
        ("", ""),
    ],
    ids=["path", "Korean", "HTML", "long", "empty"],
)
def test_a_file_name_is_given_back_and_never_used(
    client: TestClient, sent: str, returned: str
) -> None:
    body = form(part(RED, f'form-data; name="f"; filename="{sent}"'))
    (entry,) = send_form(client, body).json()["predictions"]
    assert (entry["filename"], entry["label"]) == (returned, "red")


@pytest.mark.parametrize("name", ["x" * 999, "고양이🐈" * 100], ids=["ASCII", "escaped"])
def test_a_long_file_name_is_cut_in_json_too(client: TestClient, name: str) -> None:
    image = {"b64": RED_BASE64, "filename": name}
    answered = send_json(client, {"instances": [image] * 32})
    assert answered.status_code == 200, answered.text
    assert {entry["filename"] for entry in answered.json()["predictions"]} == {name[:255]}


def test_a_zero_byte_file_is_its_own_problem(client: TestClient) -> None:
    empty, red = send_form(client, form(part(b""), part(RED))).json()["predictions"]
    assert empty["problem"]["code"] == "undecodable_image"
    assert red["label"] == "red"


def test_a_form_cut_anywhere_is_never_an_internal_error(client: TestClient) -> None:
    body = form(part(RED))
    statuses = {send_form(client, body[:cut]).status_code for cut in range(0, len(body), 7)}
    assert statuses <= {200, 400}


def test_the_service_answers_after_every_bad_body(client: TestClient) -> None:
    for body in (b"", b"{", form(end=b""), RED[:30]):
        for content_type in ("image/png", "application/json", "multipart/form-data; boundary=B"):
            assert 400 <= send(client, body, content_type).status_code < 500
    assert send(client, RED, "image/png").status_code == 200
