"""What people and other services' clients send: answered, or refused with what to do instead."""

import base64
import gzip
import json
import zlib
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response

from tests.builders import coloured, make_package
from tests.conftest import ClientFactory

RED = coloured("red")
JPEG = coloured("red", image_format="JPEG")
TEXT = base64.b64encode(RED).decode()
DATA_URL = f"data:image/png;base64,{TEXT}"
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def client(shared_client: TestClient) -> TestClient:
    return shared_client


def send(
    client: TestClient, body: bytes | str, content_type: str = "", path: str = "/predict", **h: str
) -> Response:
    headers = {"content-type": content_type, **h} if content_type else h
    data = body.encode() if isinstance(body, str) else body
    return client.post(path, content=data, headers=headers)


def labels(response: Response) -> list[str]:
    assert response.status_code == 200, response.text
    return [entry["label"] for entry in response.json()["predictions"]]


@pytest.mark.parametrize(
    "content_type",
    ["", FORM, "binary/octet-stream", "application/x-image", "application/json", "text/plain",
     "multipart/form-data; boundary=x", "application/pdf", "image/heic", "nonsense"],
)  # fmt: skip
def test_an_image_is_one_whatever_its_type_says(client: TestClient, content_type: str) -> None:
    assert labels(send(client, RED, content_type)) == ["red"]


@pytest.mark.parametrize(
    "value",
    [
        {"images": [TEXT]},
        {"images": TEXT},
        {"image": DATA_URL},
        {"image": {"b64": TEXT}},
        {"instances": [{"b64": TEXT}]},
        {"instances": [{"image_bytes": {"b64": TEXT}, "key": "1"}], "signature_name": "x"},
        {"instances": [TEXT]},
        {"inputs": TEXT},
        {"input_data": {"columns": ["image"], "index": [0], "data": [[TEXT]]}},
        {"b64": TEXT},
        [DATA_URL],
        TEXT,
    ],
    ids=lambda value: json.dumps(value)[:40],
)
def test_json_is_read_in_the_forms_of_other_services(client: TestClient, value: object) -> None:
    assert labels(client.post("/predict", json=value)) == ["red"]


@pytest.mark.parametrize(
    "content_type", [FORM, "text/plain", "application/vnd.api+json", "image/jpeg"]
)
def test_json_is_read_under_any_type(client: TestClient, content_type: str) -> None:
    for value in ({"image": TEXT}, [TEXT], TEXT):
        assert labels(send(client, "\ufeff" + json.dumps(value), content_type)) == ["red"]


def test_an_object_of_json_may_name_its_image(client: TestClient) -> None:
    body = {"instances": [{"b64": TEXT, "filename": "a.png"}, {"b64": TEXT}]}
    names = [e["filename"] for e in client.post("/predict", json=body).json()["predictions"]]
    assert names == ["a.png", None]


@pytest.mark.parametrize("escaped", [rb"\/", rb"\u002f", rb"\u002F"])
def test_base64_is_read_as_other_languages_escape_it(client: TestClient, escaped: bytes) -> None:
    noise = base64.b64encode(JPEG)
    assert b"/" in noise
    body = b'{"images": ["' + noise.replace(b"/", escaped).replace(b"+", rb"\u002B") + b'"]}'
    assert labels(send(client, body, "application/json")) == ["red"]


@pytest.mark.parametrize(
    ("body", "content_type"),
    [(TEXT, "text/plain"), (DATA_URL, "text/plain"), (TEXT, FORM), (TEXT, "application/json"),
     (f"image={quote_plus(TEXT)}", FORM), (f"a=1&img={quote_plus(DATA_URL)}", FORM)],
    ids=["base64", "data URL", "as a form", "as json", "field", "data URL in a field"],
)  # fmt: skip
def test_text_that_holds_an_image_is_read(client: TestClient, body: str, content_type: str) -> None:
    assert labels(send(client, body, content_type)) == ["red"]


def part(headers: str, data: bytes) -> bytes:
    return f"--B\r\n{headers}\r\n\r\n".encode() + data + b"\r\n"


NAMED = 'Content-Disposition: form-data; name="{}"'


@pytest.mark.parametrize(
    "headers",
    [NAMED.format("whatever"), NAMED.format("a") + '; filename=""', "Content-Type: image/png",
     NAMED.format("file") + '; filename="x"\r\nContent-Type: text/plain'],
)  # fmt: skip
def test_a_part_is_an_image_under_any_name(client: TestClient, headers: str) -> None:
    body = part(headers, RED) + b"--B--\r\n"
    assert labels(send(client, body, "multipart/form-data; boundary=B")) == ["red"]


@pytest.mark.parametrize("content_type", ["multipart/form-data", "image/jpeg", ""])
def test_a_form_is_read_whose_type_names_no_boundary(client: TestClient, content_type: str) -> None:
    body = part(NAMED.format("f") + '; filename="x"', RED) + b"--B--\r\n"
    assert labels(send(client, body, content_type)) == ["red"]


def test_a_part_in_base64_is_read(client: TestClient) -> None:
    mail = NAMED.format("f") + '; filename="x"\r\nContent-Transfer-Encoding: base64'
    body = part(mail, TEXT.encode()) + part(NAMED.format("g"), DATA_URL.encode()) + b"--B--\r\n"
    assert labels(send(client, body, "multipart/form-data; boundary=B")) == ["red", "red"]


def top(response: Response) -> int:
    assert response.status_code == 200, response.text
    return len(response.json()["predictions"][0]["top"])


def test_texts_beside_files_are_options_or_ignored(client: TestClient) -> None:
    def ask(query: str = "", **fields: str) -> Response:
        return client.post(f"/predict{query}", files={"f": ("a.png", RED)}, data=fields)

    assert top(ask(top_k="1", comment="hello", submit="")) == 1
    assert top(ask("?top_k=2", top_k="1")) == 2
    assert top(ask(top_k="")) == 3
    assert ask(embedding="true").json()["predictions"][0]["embedding"]
    assert "notes" not in ask(top_k="1", comment="hello", description="a").json()
    refused = ask(top_k="many")
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["loc"] == ["body", "top_k"]


@pytest.mark.parametrize("field", ["topk", "top-k", "TopK"])
def test_a_text_that_is_nearly_an_option_is_answered_with_a_note(
    client: TestClient, field: str
) -> None:
    response = client.post("/predict", files={"f": ("a.png", RED)}, data={field: "1"})
    assert top(response) == 3
    assert response.json()["notes"] == [
        f"the field {field!r} is no option and was ignored; did you mean 'top_k'?"
    ]


@pytest.mark.parametrize(
    "options", [{"top_k": 1}, {"top_k": "1"}, {"parameters": {"top_k": 1, "embedding": None}}]
)
def test_options_of_json_stand_beside_the_images(
    client: TestClient, options: dict[str, Any]
) -> None:
    assert top(client.post("/predict", json={"images": [TEXT], **options})) == 1


def test_the_body_may_choose_among_models(models_dir: Path, start_service: ClientFactory) -> None:
    make_package(models_dir, name="colours")
    make_package(models_dir, name="shades")
    client = start_service()

    def asked(**given: Any) -> dict[str, Any]:
        answered: dict[str, Any] = client.post("/predict", **given).json()
        return answered

    file = {"f": ("a.png", RED)}
    assert asked(files=file, data={"model": "shades"})["model"]["name"] == "shades"
    assert asked(json={"image": TEXT, "model": "colours", "version": 1})["model"]["version"] == 1
    assert asked(files=file, data={"model": "none"})["code"] == "model_not_found"
    assert asked(files=file)["code"] == asked(content=RED)["code"] == "model_not_chosen"


@pytest.mark.parametrize(
    ("encoding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress)]
)
@pytest.mark.parametrize(
    ("body", "content_type"),
    [(RED, "image/png"), (json.dumps({"images": [TEXT]}).encode(), "application/json")],
    ids=["raw", "json"],
)
def test_a_compressed_body_is_read(
    client: TestClient, encoding: str, pack: Any, body: bytes, content_type: str
) -> None:
    packed = send(client, pack(body), content_type, **{"content-encoding": encoding})
    assert labels(packed) == ["red"]


def test_deflate_without_its_header_is_read(client: TestClient) -> None:
    packed = zlib.compress(RED, wbits=-15)
    assert labels(send(client, packed, **{"content-encoding": "deflate"})) == ["red"]


URL = "https://example.org/cat.jpg?size=1&x=2"
REMEDY = "curl -L -o image 'https://example.org/cat.jpg?size=1&x=2' && curl -F file=@image"


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (URL, FORM), (URL, "text/plain"), (URL, "image/jpeg"), (URL, ""), (URL, "application/json"),
        (json.dumps({"images": [URL]}), "application/json"),
        (json.dumps({"image": {"url": URL}}), "application/json"),
        (json.dumps({"url": URL}), FORM),
        ("url=" + quote_plus(URL), FORM),
        (part(NAMED.format("image"), URL.encode()) + b"--B--\r\n", "multipart/form-data; boundary=B"),
    ],
    ids=str,
)  # fmt: skip
def test_an_address_is_refused_with_the_two_commands_instead(
    client: TestClient, body: bytes | str, content_type: str
) -> None:
    problem = send(client, body, content_type).json()
    assert (problem["status"], problem["code"]) == (422, "address_not_fetched")
    assert REMEDY in problem["detail"]


def test_an_address_among_images_leaves_its_neighbours_alone(client: TestClient) -> None:
    bad, red = client.post("/predict", json={"images": [URL, TEXT]}).json()["predictions"]
    assert (bad["problem"]["code"], red["label"]) == ("address_not_fetched", "red")


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (part(NAMED.format("file"), b"my photo.jpg") + b"--B--\r\n", "multipart/form-data; boundary=B"),
        ("file=my+photo.jpg", FORM),
        ("my photo.jpg", FORM),
        (json.dumps({"image": "my photo.jpg"}), "application/json"),
    ],
    ids=["form", "fields", "text", "json"],
)  # fmt: skip
def test_the_name_of_a_file_in_place_of_it_is_told(
    client: TestClient, body: bytes | str, content_type: str
) -> None:
    response = send(client, body, content_type)
    assert response.status_code in (400, 422)
    assert "send the file: -F file=@'my photo.jpg'" in response.json()["detail"]


def test_a_form_of_texts_alone_says_how_to_send_a_file(client: TestClient) -> None:
    problem = client.post("/predict", data={"top_k": "3"}).json()
    assert (problem["code"], problem["status"]) == ("no_images", 400)
    assert "send the file: -F file=@photo.jpg" in problem["detail"]


@pytest.mark.parametrize("image_format", ["PNG", "JPEG", "WEBP", "GIF", "BMP"])
def test_an_image_that_curl_has_damaged_is_told(client: TestClient, image_format: str) -> None:
    damaged = coloured("red", image_format=image_format).translate(None, b"\r\n\0")
    problem = send(client, damaged, FORM).json()
    assert problem["code"] == "malformed_body"
    assert "--data-binary" in problem["detail"]


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        ({"imges": [TEXT]}, "'imges'"),
        ({"images": [TEXT], "topk": 1}, "did you mean 'top_k'?"),
        ({"images": [[1, 2, 3]]}, "/v2/models/NAME/infer"),
        ({"images": [list(range(256)) * 50]}, "/v2/models/NAME/infer"),
        ({"images": [{"pixels": 3}]}, "'pixels'"),
        ({"images": [TEXT], "note": "x" * 300}, "'note'"),
    ],
)
def test_json_of_another_form_is_refused_by_name(
    client: TestClient, value: object, hint: str
) -> None:
    problem = client.post("/predict", json=value).json()
    assert (problem["status"], problem["code"]) == (400, "malformed_body")
    assert hint in problem["detail"]


@pytest.mark.parametrize("name", ["a Photoshop file", "a PDF"])
def test_a_file_of_another_kind_is_named_under_any_type(client: TestClient, name: str) -> None:
    data = b"8BPS\0\1\0\0" if "Photoshop" in name else b"%PDF-1.7\n%\xe2\xe3\xcf\xd3"
    problem = send(client, data, FORM).json()
    assert (problem["status"], problem["code"]) == (415, "unsupported_format")
