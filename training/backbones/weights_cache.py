"""Where the libraries keep the weights that they have fetched, and whether a file is what was promised."""

import re
from pathlib import Path
from typing import Final

import huggingface_hub
import timm
import torch.hub

from training.backbones.catalogue import FOLDER, HUB, BackboneName, torchvision_weights
from training.errors import WeightsError
from training.runtime.file_digest import file_sha256

_HUB_FILES: Final = ("model.safetensors", "pytorch_model.bin")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")


def hub_repository(backbone: BackboneName) -> str | None:
    """Return the Hugging Face repository (OWNER/NAME, with `@REVISION` if any) that holds the weights."""
    if backbone.source != "timm" or backbone.name.startswith(FOLDER):
        return None
    if backbone.name.startswith(HUB):
        return backbone.name.removeprefix(HUB)
    config = timm.get_pretrained_cfg(backbone.name, allow_unregistered=True)
    return str(config.hf_hub_id) if config is not None and config.hf_hub_id else None


def cached_weights_file(backbone: BackboneName) -> Path | None:
    """Return the file that a backbone's weights were or would be read from, None if there is none."""
    repository = hub_repository(backbone)
    if repository is not None:
        return _hub_file(backbone, repository)
    if backbone.name.startswith(FOLDER):
        found = [Path(backbone.name.removeprefix(FOLDER)) / name for name in _HUB_FILES]
        return next((file for file in found if file.is_file()), None)
    url = (
        torchvision_weights(backbone).url
        if backbone.source == "torchvision"
        else timm.get_pretrained_cfg(backbone.name).url
    )
    file = Path(torch.hub.get_dir()) / "checkpoints" / Path(str(url)).name
    return file if file.is_file() else None


def _hub_file(backbone: BackboneName, repository: str) -> Path | None:
    name, _, revision = repository.partition("@")
    config = None
    if not backbone.is_described_by_a_config:
        config = timm.get_pretrained_cfg(backbone.name, allow_unregistered=True)
    stated = config.hf_hub_filename if config is not None else None
    for filename in (stated,) if stated else _HUB_FILES:
        found = huggingface_hub.try_to_load_from_cache(name, filename, revision=revision or None)
        if isinstance(found, str):
            return Path(found)
    return None


def drop_damaged_file(backbone: BackboneName) -> None:
    """Remove a cached file whose content is not what its name says, so that it is fetched again.

    The hub's cache calls large files by their sha256; torch's have its first digits in their name.

    Raises:
        WeightsError: there was such a file.
    """
    file = cached_weights_file(backbone)
    if file is None or backbone.name.startswith(FOLDER):
        return
    stored = file.resolve()
    promised = _promised(stored.name)
    digest = file_sha256(stored) if promised else ""
    if promised is None or digest.startswith(promised):
        return
    stored.unlink(missing_ok=True)
    file.unlink(missing_ok=True)
    raise WeightsError(
        f"the weights of {backbone} were damaged on their way or on this disk: {file.name} has sha256 "
        f"{digest[:12]}…, expected {promised[:12]}…; the file was removed, run the same command again"
    )


def _promised(filename: str) -> str | None:
    if _SHA256.fullmatch(filename):
        return filename
    found = torch.hub.HASH_REGEX.search(filename)
    return str(found.group(1)) if found else None
