"""Why weights could not be fetched, in a sentence with what to do about it."""

import contextlib
import difflib
import errno
import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

import huggingface_hub
import huggingface_hub.constants
import huggingface_hub.errors
import timm
import torch.hub
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from training.backbones.catalogue import HUB, BackboneName
from training.backbones.downloads import DamagedDownload
from training.backbones.weights_cache import hub_repository
from training.config import DEFAULT_BACKBONE

# Of the library that the hub's client uses, which is another one from version to version.
TRANSPORT_ERROR: Final = huggingface_hub.errors.HTTPError  # type: ignore[attr-defined]
_REMEDIES: Final = (
    "connect and try again, give a local file with --weights FILE, use the default backbone "
    f"({DEFAULT_BACKBONE}), whose weights come with the package, or start from random weights "
    "with --weights none --method scratch"
)
_NUM_NEAR: Final = 5
_LISTED: Final = 500


def explain_failure(
    err: Exception, backbone: BackboneName, *, offline: bool, silence: str | None
) -> str:
    """Return the message for an error of a download.

    Args:
        err: what the hub's client, urllib or the file system raised.
        backbone: whose weights were to be fetched.
        offline: whether the network was not to be touched.
        silence: why the server was not asked: it did not answer.
    """
    if offline:
        return f"--offline is set and the weights of {backbone} are not in the local cache; {_REMEDIES}"
    if silence is not None:
        return f"the weights of {backbone} could not be downloaded: {silence}; {_REMEDIES}"
    causes = list(_causes(err))
    for cause in causes:
        message = _of_the_hub(cause, backbone) or _of_the_disk(cause, backbone)
        if message is not None:
            return message
    return f"the weights of {backbone} could not be downloaded: {_reason(causes)}; {_REMEDIES}"


def explain_silence(address: str, err: OSError) -> str:
    """Return why a server did not answer, with the proxy that was to be used, if any."""
    parts = urlsplit(address)
    proxy = urllib.request.getproxies().get(parts.scheme)
    if proxy and urllib.request.proxy_bypass(parts.hostname or ""):
        proxy = None
    way = f" through the proxy {_without_password(proxy)}" if proxy else ""
    return f"{parts.scheme}://{parts.netloc}{way}: {_plain(err)}"


def _causes(err: BaseException) -> Iterator[BaseException]:
    following: BaseException | None = err
    while following is not None:
        yield following
        following = following.__cause__ or following.__context__


def _of_the_hub(err: BaseException, backbone: BackboneName) -> str | None:
    repository = (hub_repository(backbone) or "").partition("@")[0]
    page = f"{huggingface_hub.constants.ENDPOINT}/{repository}"
    if isinstance(err, GatedRepoError):
        return _gated(backbone, page)
    if isinstance(err, RepositoryNotFoundError):
        near = _nearest_repositories(repository)
        hint = f"; nearest: {', '.join(near)}" if near else ""
        return (
            f"the hub has no repository {repository!r}, or it is private{hint}; check {page}, and for a "
            "private one set HF_TOKEN"
        )
    if isinstance(err, RevisionNotFoundError):
        return f"{backbone} names no revision of {page}; leave @… out, or give one that is there"
    if isinstance(err, EntryNotFoundError) and not isinstance(err, LocalEntryNotFoundError):
        return (
            f"{page} has no config.json and model.safetensors as timm saves them; give a repository of "
            f"timm's, as {HUB}timm/resnet18.a1_in1k, or a local file with --weights FILE"
        )
    if isinstance(err, HfHubHTTPError) and err.response.status_code == 401:
        return f"{page} does not accept the token that is set; renew it: hf auth login, or HF_TOKEN"
    return None


def _gated(backbone: BackboneName, page: str) -> str:
    if huggingface_hub.get_token() is None:
        return (
            f"the weights of {backbone} are gated: accept their licence at {page}, then log in with "
            "`hf auth login` or set HF_TOKEN to a token of that account"
        )
    return (
        f"the weights of {backbone} are gated and the token that is set has no access: accept their "
        f"licence at {page} with its account, or set HF_TOKEN to a token of another"
    )


def _nearest_repositories(repository: str) -> list[str]:
    """Return names of the same owner that are like one that there is not."""
    owner = repository.partition("/")[0]
    known = [f"timm/{name}" for name in timm.list_pretrained()] if owner == "timm" else []
    with contextlib.suppress(
        OSError, TRANSPORT_ERROR, ValueError
    ):  # a mirror need not have a search
        known += [m.id for m in huggingface_hub.HfApi().list_models(author=owner, limit=_LISTED)]
    near = difflib.get_close_matches(repository, dict.fromkeys(known), n=_NUM_NEAR)
    return [f"{HUB}{name}" for name in near]


def _of_the_disk(err: BaseException, backbone: BackboneName) -> str | None:
    is_hub = hub_repository(backbone) is not None
    folder = huggingface_hub.constants.HF_HUB_CACHE if is_hub else torch.hub.get_dir()
    elsewhere = f"choose another folder with {'HF_HUB_CACHE' if is_hub else 'TORCH_HOME'}"
    code = getattr(err, "errno", None)
    if code in (errno.ENOSPC, errno.EDQUOT):
        return (
            f"there is no room for the weights of {backbone} in {str(folder)!r}; make room there, or "
            f"{elsewhere}"
        )
    if code in (errno.EACCES, errno.EPERM, errno.EROFS):
        return (
            f"the weights of {backbone} cannot be written to {str(folder)!r}; make it writable, or "
            f"{elsewhere}"
        )
    return None


def _reason(causes: list[BaseException]) -> str:
    for cause in causes:
        if isinstance(cause, DamagedDownload):
            return f"what was sent is damaged ({cause})"
        if isinstance(cause, HfHubHTTPError):
            return f"{cause.request.url.host} answered {cause.response.status_code}"
        if isinstance(cause, urllib.error.HTTPError):
            return f"{cause.url} answered {cause.code}"
    return _plain(causes[-1])


def _plain(err: BaseException) -> str:
    reason = getattr(err, "reason", None)
    err = reason if isinstance(reason, Exception) else err
    if isinstance(err, socket.gaierror):
        return "there is no machine of that name, or no network"
    if isinstance(err, ssl.SSLCertVerificationError):
        return (
            f"its certificate is not trusted ({err.verify_message}); behind a proxy that signs anew, set "
            "SSL_CERT_FILE to a file with its certificate"
        )
    text = getattr(err, "strerror", None) or str(err) or type(err).__name__
    return text.splitlines()[0].rstrip(". ")


def _without_password(proxy: str) -> str:
    return proxy.rpartition("@")[2] if "@" in proxy else proxy
