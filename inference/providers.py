"""Which hardware to ask for, and with which options of ONNX Runtime."""

import os
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any, Final, Literal

import onnxruntime as ort

from inference.pinned import has_gpu

Provider = Literal["auto", "tensorrt", "cuda", "cpu", "openvino"]
OPENVINO: Final[Literal["openvino"]] = "openvino"

EXECUTION_PROVIDERS: Final = {
    "tensorrt": ("TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider"),
    "cuda": ("CUDAExecutionProvider", "CPUExecutionProvider"),
    "cpu": ("CPUExecutionProvider",),
}
GPU_PROVIDERS: Final = frozenset({"tensorrt", "cuda"})
CPU_PROVIDERS: Final = frozenset({"cpu", OPENVINO})


def resolve_provider(provider: Provider) -> str:
    """Return the provider for what is asked; "auto" takes CUDA where a driver answers, else the CPU."""
    if provider == "auto":
        built_with = ort.get_available_providers()
        provider = "cuda" if "CUDAExecutionProvider" in built_with and has_gpu() else "cpu"
    return provider


def find_gpu_libraries() -> None:
    """Let ONNX Runtime find the CUDA and cuDNN libraries that pip installed.

    It never raises, and prints what it does not find: not among a command's answers.
    """
    if hasattr(ort, "preload_dlls"):
        with redirect_stdout(sys.stderr):
            ort.preload_dlls()


def provider_of(session: ort.InferenceSession) -> str:
    """Return what a session really got."""
    first = session.get_providers()[0]
    return next(name for name, chain in EXECUTION_PROVIDERS.items() if chain[0] == first)


def cuda_options(*, graphs: bool) -> dict[str, str]:
    """Return the options of the CUDA provider."""
    return {
        # EXHAUSTIVE, the default, spends up to a second on every new batch size.
        "cudnn_conv_algo_search": "HEURISTIC",
        # The default doubles, and keeps twice what several models need.
        "arena_extend_strategy": "kSameAsRequested",
        "enable_cuda_graph": "1" if graphs else "0",
    }


def tensorrt_options(
    *, engine_dir: Path, input_name: str, image_shape: Sequence[int], max_batch: int, graphs: bool
) -> dict[str, str]:
    """Return the options of the TensorRT provider: one engine for batches of 1 to `max_batch`.

    The engine is built when the session is made, which takes minutes, and kept in `engine_dir`, which
    must be one model's own: TensorRT's names for engines do not tell weights apart. Without the
    range of shapes it would build another engine for every batch size that it meets.
    """
    image = "x".join(map(str, image_shape))
    return {
        "trt_engine_cache_enable": "1",
        "trt_engine_cache_path": os.fspath(engine_dir),
        "trt_timing_cache_enable": "1",
        "trt_timing_cache_path": os.fspath(engine_dir.parent),
        "trt_profile_min_shapes": f"{input_name}:1x{image}",
        "trt_profile_opt_shapes": f"{input_name}:{max_batch}x{image}",
        "trt_profile_max_shapes": f"{input_name}:{max_batch}x{image}",
        "trt_cuda_graph_enable": "1" if graphs else "0",
    }


def provider_list(wanted: str, options: dict[str, dict[str, str]]) -> list[Any]:
    """Return ONNX Runtime's list of providers, in order, with the options of each."""
    return [
        (name, options[name]) if name in options else name for name in EXECUTION_PROVIDERS[wanted]
    ]
