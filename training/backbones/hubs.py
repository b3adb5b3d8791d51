"""Where pretrained weights are fetched from: asked quickly, only where allowed, with clear errors."""

import os
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import huggingface_hub.constants
import timm
import torch.hub
import torchvision

from training.backbones.catalogue import BackboneName
from training.config import DEFAULT_BACKBONE
from training.errors import WeightsError

# The hubs' own clients try for 47 s and more before they say that there is no network.
_PATIENCE_S: Final = 8.0
_REMEDIES: Final = (
    "connect and try again, give a local file with --weights FILE, use the default backbone "
    f"({DEFAULT_BACKBONE}), whose weights come with the package, or start from random weights "
    "with --weights none --method scratch"
)


@contextmanager
def fetching(backbone: BackboneName, *, offline: bool) -> Iterator[None]:
    """Let the weights of a backbone be fetched in a block, from the cache alone where that must do.

    Raises:
        WeightsError: they are not in the cache, and the hub does not answer or may not be asked.
    """
    try:
        with _network(allowed=not offline and _answers(_address(backbone))):
            yield
    # OSError covers the hub client's, urllib's and the file system's own errors.
    except OSError as err:
        if offline:
            raise WeightsError(
                f"--offline is set and the weights of {backbone} are not in the local cache; {_REMEDIES}"
            ) from err
        raise WeightsError(
            f"the weights of {backbone} could not be downloaded; {_REMEDIES}"
        ) from err


@contextmanager
def _network(*, allowed: bool) -> Iterator[None]:
    """Let only cached files be used where the network is not allowed."""
    if allowed:
        yield
        return

    def refuse(url: str, *_: Any, **__: Any) -> None:
        raise ConnectionError(f"offline: {os.path.basename(url)} is not in the cache")

    download, hub_offline = torch.hub.download_url_to_file, huggingface_hub.constants.HF_HUB_OFFLINE
    torch.hub.download_url_to_file = refuse
    huggingface_hub.constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        torch.hub.download_url_to_file = download
        huggingface_hub.constants.HF_HUB_OFFLINE = hub_offline


def _address(backbone: BackboneName) -> str:
    if backbone.source == "torchvision":
        return str(torchvision.models.get_model_weights(backbone.name).DEFAULT.url)
    config = timm.get_pretrained_cfg(backbone.name, allow_unregistered=True)
    if config is None or config.hf_hub_id or not config.url:
        return huggingface_hub.constants.ENDPOINT
    return str(config.url)


def _answers(address: str) -> bool:
    """Whether a server says anything at all in good time.

    Asked in a thread: looking up a name, or trying each of its addresses, knows no common limit.
    """
    answered = threading.Event()

    def ask() -> None:
        request = urllib.request.Request(address, method="HEAD")  # noqa: S310 (the hubs' own addresses)
        try:
            urllib.request.urlopen(request, timeout=_PATIENCE_S).close()  # noqa: S310
        except urllib.error.HTTPError as refusal:
            refusal.close()
        except OSError:
            return
        answered.set()

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(_PATIENCE_S)
    return answered.is_set()
