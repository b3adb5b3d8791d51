"""POST /predict in its three addresses, with its options, and what one bad image does."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from httpx2 import Response

from inference import open_classifier
from inference.manifest import Conformal
from inference.precision import multiplies_bfloat16
from tests.builders import LABELS, coloured, encode, make_package
from tests.conftest import ClientFactory
from tests.inference.test_precision import add_bf16

PNG = {"content-type": "image/png"}


@pytest.fixture
def client(shared_client: TestClient) -> TestClient:
    return shared_client


def post(client: TestClient, data: bytes, url: str = "/predict", **params: Any) -> Response:
    return client.post(url, content=data, headers=PNG, params=params)


def files(*contents: bytes) -> list[tuple[str, tuple[str, bytes]]]:
    return [("files", (f"{index}.png", content)) for index, content in enumerate(contents)]


@pytest.mark.parametrize("label", LABELS)
def test_an_image_gets_its_label(client: TestClient, label: str) -> None:
    answer = post(client, coloured(label)).json()
    assert answer["model"] == {"name": "colours", "version": 1}
    (entry,) = answer["predictions"]
    assert (entry["index"], entry["filename"], entry["label"]) == (0, None, label)
    assert entry["rejected"] is False
    assert entry["probability"] == entry["top"][0]["probability"] > 0.99


def test_an_answer_holds_what_was_asked_for_and_no_more(client: TestClient) -> None:
    (entry,) = post(client, coloured("red")).json()["predictions"]
    assert set(entry) == {"index", "filename", "label", "probability", "rejected", "top"}


def test_the_service_answers_as_inference_does(client: TestClient, colours_dir: Path) -> None:
    data = coloured("green", (31, 57), "JPEG")
    (expected,) = open_classifier(colours_dir / "colours" / "1").classify([data])
    (entry,) = post(client, data).json()["predictions"]
    assert [t["probability"] for t in entry["top"]] == [t.probability for t in expected.top]


@pytest.mark.parametrize(
    "url",
    [
        "/predict",
        "/predict?model=colours",
        "/predict?model=colours&version=1",
        "/predict?version=latest",
        "/models/colours/predict",
        "/models/colours/predict?version=latest",
        "/models/colours/versions/1/predict",
        "/models/colours/versions/latest/predict",
    ],
)
def test_every_address_answers(client: TestClient, url: str) -> None:
    response = client.post(url, content=coloured("blue"), headers=PNG)
    assert response.json()["predictions"][0]["label"] == "blue"


def test_an_image_unlike_the_training_data_is_marked_with_the_reason(client: TestClient) -> None:
    (entry,) = post(client, coloured_grey()).json()["predictions"]
    assert entry["rejected"] is True
    assert entry["rejected_reason"].startswith(
        "unlike the training images: its likeness to them is 3.92"
    )
    assert entry["label"] in LABELS


def test_a_set_comes_when_asked_for(start_service: ClientFactory, models_dir: Path) -> None:
    conformal = Conformal(method="lac", coverage=0.9, threshold=0.3, images=50)
    make_package(models_dir, name="careful", conformal=conformal)
    client = start_service()
    for image, labels in ((coloured("red"), ["red"]), (coloured_grey(), list(LABELS))):
        (entry,) = post(client, image, set=True, top_k=1).json()["predictions"]
        assert [label["label"] for label in entry["set"]] == labels
        assert len(entry["top"]) == 1


def test_a_set_is_refused_where_the_model_has_none(client: TestClient) -> None:
    response = post(client, coloured("red"), set=True)
    assert response.status_code == 422
    assert "no prediction sets; train it with --coverage" in response.json()["detail"]


def coloured_grey() -> bytes:
    from PIL import Image

    return encode(Image.new("RGB", (20, 20), (100, 100, 100)))


@pytest.mark.parametrize(("top_k", "given"), [(1, 1), (2, 2), (3, 3), (4, 3), (10**30, 3)])
def test_top_k_gives_at_most_all_labels(client: TestClient, top_k: int, given: int) -> None:
    (entry,) = post(client, coloured("red"), top_k=top_k).json()["predictions"]
    assert len(entry["top"]) == given


@pytest.mark.parametrize("top_k", ["0", "-1", "1.5", "NaN", "many", ""])
def test_a_top_k_that_is_no_positive_integer_is_refused(client: TestClient, top_k: str) -> None:
    response = post(client, coloured("red"), top_k=top_k)
    assert response.status_code == 422
    assert "top_k" in response.json()["detail"]


def test_a_misspelt_parameter_is_refused_by_name(client: TestClient) -> None:
    response = post(client, coloured("red"), topk=2)
    assert response.status_code == 422
    assert "topk" in response.json()["detail"]


def test_an_embedding_comes_when_asked_for(client: TestClient) -> None:
    (entry,) = post(client, coloured("red"), embedding=True).json()["predictions"]
    assert entry["embedding"] == pytest.approx([250 / 255, 10 / 255, 10 / 255], abs=1e-5)


def test_an_activation_map_comes_with_the_part_that_the_model_saw(client: TestClient) -> None:
    data = coloured("red", (40, 20))
    (entry,) = post(client, data, activation_map=True).json()["predictions"]
    values = np.asarray(entry["activation_map"])
    assert values.shape == (16, 16)
    assert values.min() >= 0
    assert values.max() == 1
    assert entry["crop_box"] == pytest.approx([10, 0, 30, 20])


def test_the_map_of_a_padded_image_lies_over_its_bars_too(
    start_service: ClientFactory, models_dir: Path
) -> None:
    make_package(models_dir, fit="pad")
    response = post(start_service(), coloured("red", (40, 20)), activation_map=True)
    (entry,) = response.json()["predictions"]
    assert entry["crop_box"] == pytest.approx([0, -10, 40, 30])
    assert np.asarray(entry["activation_map"]).argmax() // 16 in range(4, 12)


def test_a_model_without_activation_maps_answers_without_them(
    models_dir: Path, start_service: ClientFactory
) -> None:
    make_package(models_dir, activation_map=False)
    response = post(start_service(), coloured("red"), activation_map=True)
    assert "activation_map" not in response.json()["predictions"][0]


def test_a_precision_that_is_there_answers(client: TestClient) -> None:
    assert post(client, coloured("red"), precision="fp32").status_code == 200


@pytest.mark.parametrize("precision", ["int8", "fp16", "bf16"])
def test_a_missing_precision_names_those_there_are(client: TestClient, precision: str) -> None:
    response = post(client, coloured("red"), precision=precision)
    assert response.status_code == 422
    assert "ask for fp32" in response.json()["detail"]


def test_bf16_answers_by_openvino_where_the_processor_has_it(
    models_dir: Path, start_service: ClientFactory
) -> None:
    add_bf16(make_package(models_dir))
    client = start_service()
    response = post(client, coloured("red"), precision="bf16")
    if not multiplies_bfloat16():
        assert response.status_code == 422
        assert "this processor does not multiply bfloat16" in response.json()["detail"]
        return
    (entry,) = response.json()["predictions"]
    assert (entry["label"], entry["rejected"]) == ("red", True)  # by its own threshold
    (version,) = client.get("/models/colours").json()["versions"]
    usual, bf16 = version["loaded"]
    # For so small a model OpenVINO is no faster.
    assert (usual["precision"], usual["runtime"], usual["provider"]) == (
        "fp32",
        "onnxruntime",
        "cpu",
    )
    assert usual["precision_reason"].startswith("bf16 is left out: it is ")
    assert (bf16["precision"], bf16["runtime"], bf16["provider"]) == (
        "bf16",
        "openvino",
        "openvino",
    )
    assert bf16["precision_reason"] == "asked for"
    loaded = (
        'graft_model_loaded{model="colours",precision="bf16",provider="openvino",version="1"} 1.0'
    )
    assert loaded in client.get("/metrics").text


def test_an_unknown_precision_is_refused(client: TestClient) -> None:
    response = post(client, coloured("red"), precision="fp64")
    assert response.status_code == 422
    assert "precision" in response.json()["detail"]


@pytest.mark.parametrize(
    ("url", "fact"),
    [
        ("/predict?model=shapes", "there are: colours"),
        ("/models/shapes/predict", "there are: colours"),
        ("/predict?version=7", "it has 1, latest"),
        ("/predict?version=stable", "it has 1, latest"),
        ("/models/colours/versions/0/predict", "it has 1, latest"),
        ("/models/colours/versions/01/predict", "it has 1, latest"),
        ("/predict?model=..%2F..%2Fetc", "no model '../../etc'"),
        ("/predict?model=%00", "no model"),
        ("/predict?model=%F0%9F%98%80", "no model"),
        ("/models/%2e%2e/predict", "there are: colours"),
    ],
)
def test_what_is_not_published_is_404_and_names_what_is(
    client: TestClient, url: str, fact: str
) -> None:
    response = client.post(url, content=coloured("red"), headers=PNG)
    assert response.status_code == 404
    assert fact in response.json()["detail"]


def test_several_models_need_a_choice(models_dir: Path, start_service: ClientFactory) -> None:
    make_package(models_dir, name="colours")
    make_package(models_dir, name="shades")
    client = start_service()
    response = post(client, coloured("red"))
    assert response.status_code == 400
    assert "colours, shades" in response.json()["detail"]
    assert post(client, coloured("red"), model="shades").json()["model"]["name"] == "shades"


def test_a_model_named_in_the_form_answers_where_the_default_one_does_not(
    models_dir: Path, start_service: ClientFactory
) -> None:
    make_package(models_dir, name="colours")
    client = start_service(default_model="gone")
    answer = client.post("/predict", files=files(coloured("red")), data={"model": "colours"})
    assert answer.json()["model"]["name"] == "colours"
    refused = client.post("/predict", files=files(coloured("red")))
    assert (refused.status_code, refused.json()["code"]) == (404, "model_not_found")


def test_the_default_model_needs_no_choice(models_dir: Path, start_service: ClientFactory) -> None:
    make_package(models_dir, name="colours")
    make_package(models_dir, name="shades")
    client = start_service(default_model="shades")
    assert post(client, coloured("red")).json()["model"]["name"] == "shades"


def test_an_empty_repository_tells_how_to_publish(start_service: ClientFactory) -> None:
    response = post(start_service(), coloured("red"))
    assert response.status_code == 503
    assert "python -m training.finetune" in response.json()["detail"]


def test_images_are_answered_in_order_under_their_names(client: TestClient) -> None:
    form = [("x", ("same.png", coloured(label))) for label in (*LABELS, *LABELS)]
    entries = client.post("/predict", files=form).json()["predictions"]
    assert [entry["label"] for entry in entries] == [*LABELS, *LABELS]
    assert [entry["index"] for entry in entries] == list(range(6))
    assert {entry["filename"] for entry in entries} == {"same.png"}


def test_a_bad_image_carries_its_problem_and_its_neighbours_are_answered(
    client: TestClient,
) -> None:
    broken = coloured("red")[:40]
    response = client.post("/predict", files=files(coloured("red"), broken, coloured("blue")))
    first, bad, last = response.json()["predictions"]
    assert response.status_code == 200
    assert (first["label"], last["label"]) == ("red", "blue")
    assert set(bad) == {"index", "filename", "problem"}
    assert (bad["problem"]["code"], bad["problem"]["status"]) == ("undecodable_image", 422)


def test_neighbours_of_a_bad_image_get_exactly_their_usual_answer(client: TestClient) -> None:
    alone = post(client, coloured("red")).json()["predictions"][0]["top"]
    entries = client.post("/predict", files=files(b"not an image", coloured("red"))).json()
    assert entries["predictions"][1]["top"] == alone


def test_a_request_whose_images_all_fail_is_422(client: TestClient) -> None:
    response = client.post("/predict", files=files(b"one", b"two"))
    problem = response.json()
    assert (response.status_code, problem["code"]) == (422, "no_image_answered")
    assert [error["loc"] for error in problem["errors"]] == [["images", 0], ["images", 1]]


def test_answers_say_how_long_each_stage_took(client: TestClient) -> None:
    timing = post(client, coloured("red")).headers["server-timing"]
    assert [part.split(";")[0] for part in timing.split(", ")] == [
        "receive",
        "decode",
        "queue",
        "infer",
    ]


def test_a_request_over_its_time_is_504(models_dir: Path, start_service: ClientFactory) -> None:
    make_package(models_dir)
    response = post(start_service(request_timeout_s=1e-9), coloured("red"))
    assert (response.status_code, response.json()["code"]) == (504, "deadline_exceeded")


def test_a_full_service_refuses_before_it_reads(client: TestClient) -> None:
    admission = client.app.state.context.admission  # type: ignore[attr-defined]
    admission.reserve(images=256, num_bytes=0)
    response = client.post("/predict", content=b"never read", headers={"content-type": "x/y"})
    assert (response.status_code, response.json()["code"]) == (429, "overloaded")
    assert int(response.headers["retry-after"]) >= 1
    admission.release(images=256, num_bytes=0)
    assert post(client, coloured("red")).status_code == 200


def test_room_is_given_back_after_good_and_bad_requests(client: TestClient) -> None:
    for data in (coloured("red"), b"no image", b""):
        post(client, data)
    admission = client.app.state.context.admission  # type: ignore[attr-defined]
    assert (admission.num_images, admission.num_bytes) == (0, 0)


def test_more_images_than_there_is_room_for_are_refused(
    models_dir: Path, start_service: ClientFactory
) -> None:
    make_package(models_dir)
    response = start_service(max_waiting=2).post("/predict", files=files(*[coloured("red")] * 3))
    assert response.status_code == 429
