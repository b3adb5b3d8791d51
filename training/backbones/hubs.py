"""Where pretrained weights are fetched from: asked quickly, only where allowed, with clear errors."""

import os
import pickle
import threading
import urllib.error
import urllib.request
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final
from unittest.mock import patch

import huggingface_hub.constants
import timm
import torch.hub
from safetensors import SafetensorError

from training.backbones.catalogue import FOLDER, BackboneName, torchvision_weights
from training.backbones.downloads import download_url_to_file
from training.backbones.hub_errors import TRANSPORT_ERROR, explain_failure, explain_silence
from training.backbones.weights_cache import drop_damaged_file, hub_repository
from training.errors import WeightsError

# The hubs' own clients try for 47 s and more before they say that there is no network.
_PATIENCE_S: Final = 8.0
# OSError covers the hub client's answers, urllib's and the file system's own errors.
_FAILURES: Final = (OSError, TRANSPORT_ERROR)
_UNREADABLE: Final = (SafetensorError, pickle.UnpicklingError, EOFError, RuntimeError, ValueError)


@contextmanager
def fetching(backbone: BackboneName, *, offline: bool) -> Iterator[None]:
    """Let the weights of a backbone be fetched in a block, from the cache alone where that must do.

    Raises:
        WeightsError: they are not in the cache, and the hub does not answer, refuses or may not be asked;
            there is no room for them; or what it sent is not what it promised.
    """
    in_folder = backbone.name.startswith(FOLDER)
    silence = None if offline or in_folder else _silence(_address(backbone))
    try:
        with _network(allowed=not (offline or in_folder) and silence is None):
            yield
    except _FAILURES as err:
        reason = explain_failure(err, backbone, offline=offline, silence=silence)
        raise WeightsError(reason) from err
    except _UNREADABLE as err:
        drop_damaged_file(backbone)
        raise WeightsError(
            f"the weights of {backbone} cannot be used: {_why_unusable(err)}; "
            "give a local file with --weights FILE, or another backbone"
        ) from err
    drop_damaged_file(backbone)


def _why_unusable(err: Exception) -> str:
    first, *details = (str(err) or type(err).__name__).splitlines()
    if "loading state_dict" in first:
        return f"they are of another network ({'; '.join(line.strip() for line in details[:2])})"
    if isinstance(err, pickle.UnpicklingError):
        return "they cannot be read without running code from their file"
    return first.rstrip(":. ")


@contextmanager
def _network(*, allowed: bool) -> Iterator[None]:
    """Let only cached files be used where the network is not allowed; resume broken downloads where it is."""

    def refuse(url: str, *_: Any, **__: Any) -> None:
        raise ConnectionError(f"offline: {os.path.basename(url)} is not in the cache")

    own = download_url_to_file if allowed else refuse
    with (
        warnings.catch_warnings(),
        patch.object(torch.hub, "download_url_to_file", own),
        patch.object(timm.models._hub, "download_url_to_file", own),
        patch.object(
            huggingface_hub.constants,
            "HF_HUB_OFFLINE",
            huggingface_hub.constants.HF_HUB_OFFLINE or not allowed,
        ),
    ):
        # Where it is true, an error that says what to do follows.
        warnings.filterwarnings("ignore", "Not enough free disk space", UserWarning)
        yield


def hub_silence() -> str | None:
    """Return why the Hugging Face hub says nothing in good time, None where it answers."""
    return _silence(huggingface_hub.constants.ENDPOINT)


def _address(backbone: BackboneName) -> str:
    if backbone.source == "torchvision":
        return str(torchvision_weights(backbone).url)
    if hub_repository(backbone) is not None:
        return huggingface_hub.constants.ENDPOINT
    return str(timm.get_pretrained_cfg(backbone.name).url)


def _silence(address: str) -> str | None:
    """Return why a server says nothing at all in good time, None where it says something.

    Asked in a thread: looking up a name, or trying each of its addresses, knows no common limit.
    """
    failures: list[OSError] = []

    def ask() -> None:
        request = urllib.request.Request(address, method="HEAD")  # noqa: S310 (the hubs' own addresses)
        try:
            # Not the one that urllib keeps, which has the proxies of when it was first used.
            urllib.request.build_opener().open(request, timeout=_PATIENCE_S).close()
        except urllib.error.HTTPError as refusal:
            refusal.close()
        except OSError as err:
            failures.append(err)

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(_PATIENCE_S)
    if asking.is_alive():
        failures.append(TimeoutError(f"no answer within {_PATIENCE_S:.0f} s"))
    return explain_silence(address, failures[0]) if failures else None
