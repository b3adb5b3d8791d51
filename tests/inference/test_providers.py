"""What ONNX Runtime is asked for; whether it gives it is the session's to say."""

from pathlib import Path

import onnxruntime as ort
import pytest

from inference.pinned import has_gpu
from inference.providers import (
    EXECUTION_PROVIDERS,
    cuda_options,
    provider_list,
    provider_of,
    resolve_provider,
    tensorrt_options,
)
from inference.session import SessionConfig, expects_gpu
from tests.builders import colour_model


def test_auto_follows_the_driver() -> None:
    assert resolve_provider("auto") == ("cuda" if has_gpu() else "cpu")
    assert expects_gpu(SessionConfig()) == has_gpu()


@pytest.mark.parametrize("provider", ["tensorrt", "cuda", "cpu"])
def test_what_is_named_is_asked_for(provider: str) -> None:
    assert resolve_provider(provider) == provider  # type: ignore[arg-type]
    assert provider_list(provider, {}) == list(EXECUTION_PROVIDERS[provider])


def test_every_provider_is_known_to_this_onnx_runtime() -> None:
    known = set(ort.get_all_providers())
    assert {name for chain in EXECUTION_PROVIDERS.values() for name in chain} <= known


def test_options_go_to_their_provider() -> None:
    asked = provider_list("cuda", {"CUDAExecutionProvider": cuda_options(graphs=True)})
    assert asked[0][0] == "CUDAExecutionProvider"
    assert asked[0][1]["enable_cuda_graph"] == "1"
    assert asked[1] == "CPUExecutionProvider"


def test_tensorrt_builds_one_engine_for_every_batch_size(tmp_path: Path) -> None:
    options = tensorrt_options(
        engine_dir=tmp_path,
        input_name="image",
        image_shape=(224, 192, 3),
        max_batch=16,
        graphs=False,
    )
    assert options["trt_profile_min_shapes"] == "image:1x224x192x3"
    assert options["trt_profile_max_shapes"] == "image:16x224x192x3"
    assert options["trt_engine_cache_path"] == str(tmp_path)


def test_a_session_says_what_it_got() -> None:
    session = ort.InferenceSession(colour_model(), providers=["CPUExecutionProvider"])
    assert provider_of(session) == "cpu"
