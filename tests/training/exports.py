"""Each network is exported once in a run of the tests: a tiny network's training takes less than its export.

What is kept is what PyTorch's exporter gave for the very same network, weights included, in a folder that
all test processes share. What `training` does before and after it is done every time.
"""

import hashlib
import os
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import onnx
import torch
from torch import Tensor, nn

FOLDER: Final = "GRAFT_TESTS_EXPORTS"
_HEAD: Final = "network.head"  # no part of a trunk's graph, and random before it is trained
_NAMES_ONLY: Final = ("default_cfg", "pretrained_cfg")  # where weights come from, not what they do
_export = torch.onnx.export


def reuse_exports() -> None:
    """Take from the folder that the environment names what was exported before, in this process."""
    setattr(torch.onnx, "export", _export_once)  # noqa: B010


def _export_once(graph: nn.Module, inputs: tuple[Tensor, ...], **options: Any) -> Any:
    file = Path(os.environ[FOLDER], _fingerprint(graph, inputs, options))
    if not file.exists():
        program: Any = _export(graph, inputs, **options)
        partial = file.with_name(f"{file.name}.{os.getpid()}")
        partial.write_bytes(program.model_proto.SerializeToString())
        partial.rename(file)
    return SimpleNamespace(model_proto=onnx.load_model_from_string(file.read_bytes()))


def _fingerprint(graph: nn.Module, inputs: tuple[Tensor, ...], options: dict[str, Any]) -> str:
    digest = hashlib.sha256(repr(sorted(options.items())).encode())
    for name, module in graph.named_modules(remove_duplicate=False):
        if not name.startswith(_HEAD):
            digest.update(f"{name} {_description(module)}".encode())
    for name, tensor in _tensors(graph, inputs):
        if not name.startswith(_HEAD):
            digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
            digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _description(module: nn.Module) -> str:
    """Return what a module's function depends on beside its tensors and its modules."""
    facts = [
        f"{name}={value}"
        for name, value in vars(module).items()
        if not name.startswith("_") and name not in _NAMES_ONLY
    ]
    return " ".join([type(module).__qualname__, getattr(module, "code", ""), *sorted(facts)])


def _tensors(graph: nn.Module, inputs: tuple[Tensor, ...]) -> Iterator[tuple[str, Tensor]]:
    unnamed = (("", tensor) for tensor in inputs)
    return chain(graph.named_parameters(), graph.named_buffers(), unnamed)
