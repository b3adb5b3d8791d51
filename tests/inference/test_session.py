"""What a session accepts, and the truth about what it runs on."""

import ctypes
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest

from inference.errors import ProviderUnavailable, SessionError
from inference.session import SessionConfig, open_session
from tests import hostile_models
from tests.builders import SIDE_PX, colour_model

CPU = SessionConfig(provider="cpu")
OUTPUTS = ("logits", "probabilities", "embedding")


def cuda_works() -> bool:
    """Ask a session of ONNX Runtime itself; without a driver there is nothing to ask."""
    try:
        ctypes.CDLL("libcuda.so.1")
    except OSError:
        return False
    ort.preload_dlls()
    session = ort.InferenceSession(
        colour_model(), providers=["CUDAExecutionProvider", "CPUExecutionProvider"]
    )
    return bool(session.get_providers()[0] == "CUDAExecutionProvider")


def external_weights_model(location: str) -> bytes:
    """Return the colour model with its weight kept in the file `location`."""
    model = onnx.load_from_string(colour_model())
    (weight,) = (tensor for tensor in model.graph.initializer if tensor.name == "weight")
    weight.ClearField("raw_data")
    weight.data_location = onnx.TensorProto.EXTERNAL
    weight.external_data.add(key="location", value=location)
    weight.external_data.add(key="length", value="36")
    return bytes(model.SerializeToString())


def test_a_session_on_the_cpu_says_so() -> None:
    session = open_session(colour_model(manifest="{}"), CPU)
    assert session.provider == "cpu"
    assert session.output_names == (*OUTPUTS, "activation_map")
    assert session.metadata["graft.manifest"] == "{}"


def test_auto_takes_cuda_where_it_works_and_says_what_it_got() -> None:
    session = open_session(colour_model(), SessionConfig())
    assert session.provider == ("cuda" if cuda_works() else "cpu")


def test_a_gpu_that_is_demanded_is_given_or_refused() -> None:
    for config in (SessionConfig(require_gpu=True), SessionConfig(provider="cuda")):
        if cuda_works():
            assert open_session(colour_model(), config).provider == "cuda"
        else:
            with pytest.raises(ProviderUnavailable, match=r"'gpu' extra|no NVIDIA driver"):
                open_session(colour_model(), config)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"provider": "gpu"}, "'gpu' is not one of"),
        ({"intra_op_threads": -1}, "intra_op_threads must be 0 or more"),
        ({"provider": "cpu", "require_gpu": True}, "contradict"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SessionConfig(**settings)


@pytest.mark.parametrize(
    "data",
    [b"", b"junk", b"\x08\x0a", bytes(4096), colour_model()[:-200], b"<html></html>"],
    ids=["empty", "text", "header", "zeros", "truncated", "page"],
)
def test_bytes_that_are_no_model_are_refused(data: bytes) -> None:
    with pytest.raises(SessionError, match="cannot load the model"):
        open_session(data, CPU)


@pytest.mark.parametrize("absolute", [False, True])
def test_weights_in_another_file_are_refused_even_where_the_file_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, absolute: bool
) -> None:
    weights = tmp_path / "weights.bin"
    weights.write_bytes(np.eye(3, dtype=np.float32).tobytes())
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SessionError, match="second file"):
        open_session(external_weights_model(str(weights) if absolute else weights.name), CPU)


def test_a_batch_is_answered_in_the_named_outputs_only() -> None:
    session = open_session(colour_model(), CPU)
    batch = np.full((4, SIDE_PX, SIDE_PX, 3), 255, np.uint8)
    answer = session.run(batch, ["embedding", "logits"])
    assert list(answer) == ["embedding", "logits"]
    np.testing.assert_array_equal(answer["embedding"], np.ones((4, 3), np.float32))


@pytest.mark.parametrize(
    "batch",
    [
        np.zeros((1, SIDE_PX + 1, SIDE_PX, 3), np.uint8),
        np.zeros((SIDE_PX, SIDE_PX, 3), np.uint8),
        np.zeros((1, SIDE_PX, SIDE_PX, 3), np.float32),
    ],
    ids=["other size", "no batch", "other type"],
)
def test_a_batch_of_another_shape_or_type_is_refused(batch: np.ndarray) -> None:
    with pytest.raises(SessionError, match="failed on a batch of shape"):
        open_session(colour_model(), CPU).run(batch, OUTPUTS)


def test_an_output_that_is_not_there_is_refused() -> None:
    with pytest.raises(SessionError):
        open_session(colour_model(activation_map=False), CPU).run(
            np.zeros((1, SIDE_PX, SIDE_PX, 3), np.uint8), ["activation_map"]
        )


def test_several_threads_share_a_session() -> None:
    session = open_session(colour_model(), CPU)
    start = threading.Barrier(4)

    def run(value: int) -> float:
        start.wait()
        batch = np.full((2, SIDE_PX, SIDE_PX, 3), value, np.uint8)
        return float(session.run(batch, ["embedding"])["embedding"][1, 0])

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(run, [0, 51, 102, 255])) == pytest.approx([0, 0.2, 0.4, 1])


def test_a_run_without_an_end_is_ended_and_the_next_one_answers() -> None:
    session = open_session(hostile_models.endless_for(250), replace(CPU, run_limit_s=0.3))
    white, black = (np.full((1, SIDE_PX, SIDE_PX, 3), value, np.uint8) for value in (255, 0))
    for limit_s in (None, 0.2):
        with pytest.raises(SessionError, match=f"ended after {limit_s or 0.3} s on a batch"):
            session.run(white, ["logits"], limit_s=limit_s)
        assert session.run(black, ["logits"])["logits"].shape == (1, 3)
