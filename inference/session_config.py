"""Where and how a model is to run, whichever runtime runs it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from inference.providers import CPU_PROVIDERS, EXECUTION_PROVIDERS, OPENVINO, Provider

INPUT_NAME: Final = "image"
DEFAULT_ENGINE_CACHE: Final = Path("~/.cache/graft/tensorrt").expanduser()


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionConfig:
    """Where and how a model runs.

    Attributes:
        provider: "auto" takes CUDA where a driver answers, else the CPU. On a CPU, OpenVINO runs what is
            in bf16 and ONNX Runtime all else; "openvino" has it run float32 too.
        require_gpu: refuse to run on the CPU.
        intra_op_threads: threads for one batch on the CPU; 0 is one a core.
        max_batch: images in one batch at most; TensorRT builds its engine for it.
        cuda_graphs: replay a batch's kernels as one launch. Every node must run on the GPU.
        engine_cache_dir: where TensorRT keeps the engines that it built.
        run_limit_s: how long one run may take before it is ended; None for no limit.
    """

    provider: Provider = "auto"
    require_gpu: bool = False
    intra_op_threads: int = 0
    max_batch: int = 16
    cuda_graphs: bool = False
    engine_cache_dir: Path = DEFAULT_ENGINE_CACHE
    run_limit_s: float | None = None

    def __post_init__(self) -> None:
        if self.provider not in (choices := ["auto", *EXECUTION_PROVIDERS, OPENVINO]):
            raise ValueError(f"provider {self.provider!r} is not one of {choices}")
        if self.intra_op_threads < 0:
            raise ValueError(f"intra_op_threads must be 0 or more, got {self.intra_op_threads}")
        if self.max_batch < 1:
            raise ValueError(f"max_batch must be 1 or more, got {self.max_batch}")
        if self.require_gpu and self.provider in CPU_PROVIDERS:
            raise ValueError(f"provider {self.provider!r} and require_gpu contradict each other")
