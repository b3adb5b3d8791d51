"""Plain downloads that go on where a connection broke; torch's own take half a file for all of it."""

import hashlib
import io
import os
import sys
import tempfile
import time
import urllib.error
import urllib.request
from http.client import HTTPException
from pathlib import Path
from typing import Final

from tqdm import tqdm

_ATTEMPTS: Final = 5
_CHUNK_BYTES: Final = 1 << 20
_TIMEOUT_S: Final = 30.0
_PAUSE_S: Final = 1.0


class DamagedDownload(OSError):
    """What was sent is not what was promised."""


def download_url_to_file(
    url: str, dst: str, hash_prefix: str | None = None, progress: bool = True
) -> None:
    """Download a file, as `torch.hub.download_url_to_file` does.

    Raises:
        OSError: no connection lasted, there is no room, or (`DamagedDownload`) the sha256 is another one.
    """
    file = Path(dst)
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor, partial = tempfile.mkstemp(
        dir=file.parent, prefix=f"{file.name}.", suffix=".partial"
    )
    try:
        with os.fdopen(descriptor, "w+b") as stream:
            _receive(url, stream, file.name if progress else None)
            _check(stream, file.name, hash_prefix)
        os.chmod(partial, 0o644)
        os.replace(partial, file)
    finally:
        Path(partial).unlink(missing_ok=True)


def _receive(url: str, stream: io.BufferedRandom, shown: str | None) -> None:
    """Receive all of a file; an attempt that brought something is not counted."""
    attempts_left = _ATTEMPTS
    with tqdm(
        desc=shown, disable=shown is None, unit="B", unit_scale=True, file=sys.stderr
    ) as progress_bar:
        while True:
            had = stream.tell()
            try:
                if _receive_rest(url, stream, progress_bar):
                    return
                failure: Exception = ConnectionError("the connection ended too early")
            except urllib.error.HTTPError:
                raise
            except (urllib.error.URLError, ConnectionError, TimeoutError, HTTPException) as err:
                failure = err
            attempts_left = _ATTEMPTS if stream.tell() > had else attempts_left - 1
            if attempts_left == 0:
                raise ConnectionError(str(failure)) from failure
            time.sleep(_PAUSE_S)


def _receive_rest(url: str, stream: io.BufferedRandom, progress_bar: tqdm) -> bool:
    """Receive what is missing; return whether that was all."""
    had = stream.tell()
    request = urllib.request.Request(url, headers={"User-Agent": "torch.hub"})  # noqa: S310 (theirs)
    if had:
        request.add_header("Range", f"bytes={had}-")
    with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as response:  # noqa: S310
        if had and response.status != 206:  # the server knows no ranges: from the start
            stream.seek(0)
            stream.truncate()
            progress_bar.reset()
            had = 0
        length = response.headers.get("Content-Length")
        total = had + int(length) if length is not None else None
        progress_bar.total = total
        while chunk := response.read(_CHUNK_BYTES):
            stream.write(chunk)
            progress_bar.update(len(chunk))
    return total is None or stream.tell() == total


def _check(stream: io.BufferedRandom, name: str, hash_prefix: str | None) -> None:
    if hash_prefix is None:
        return
    stream.seek(0)
    digest = hashlib.file_digest(stream, "sha256").hexdigest()
    if not digest.startswith(hash_prefix):
        raise DamagedDownload(f"{name} has sha256 {digest[:12]}…, expected {hash_prefix}…")
