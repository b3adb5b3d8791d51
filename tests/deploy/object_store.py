"""A bucket on this machine: SeaweedFS, which speaks Amazon S3's protocol, as a process of its own."""

import json
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pyarrow import fs

from tests.ports import free_port
from tests.tools import python_of

_START_S: Final = 60.0
_KEY: Final = {"accessKey": "somebody", "secretKey": "a secret"}
_MAY: Final = ["Admin", "Read", "Write", "List"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """An empty bucket named `photos` of a store that wants a key.

    Attributes:
        port: of the store, on 127.0.0.1.
        files: what it holds, below `photos/`.
        environment: variables that have a client use its key.
    """

    port: int
    files: fs.S3FileSystem
    environment: Mapping[str, str]

    def url(self, folder: str) -> str:
        """Return the address of a folder as Arrow and Ray take it, without the key."""
        return f"s3://photos/{folder}?scheme=http&endpoint_override=127.0.0.1:{self.port}"


@contextmanager
def bucket(folder: Path) -> Iterator[Bucket]:
    """Run a store that keeps its data in `folder`."""
    port = free_port()
    process = _start(folder, port)
    try:
        files = fs.S3FileSystem(
            access_key=_KEY["accessKey"],
            secret_key=_KEY["secretKey"],
            scheme="http",
            endpoint_override=f"127.0.0.1:{port}",
            allow_bucket_creation=True,
        )
        _create_bucket(process, files)
        yield Bucket(
            port=port,
            files=files,
            environment={
                "AWS_ACCESS_KEY_ID": _KEY["accessKey"],
                "AWS_SECRET_ACCESS_KEY": _KEY["secretKey"],
            },
        )
    finally:
        process.kill()
        process.wait()


def _start(folder: Path, port: int) -> "subprocess.Popen[bytes]":
    rights = {"name": "somebody", "credentials": [_KEY], "actions": _MAY}
    keys = folder / "keys.json"
    keys.write_text(json.dumps({"identities": [rights]}), encoding="utf-8")
    others = (f"-{part}={free_port()}" for part in ("s3.port.grpc", *_ports_of_parts()))
    with (folder / "log.txt").open("wb") as log:
        return subprocess.Popen(
            [
                *(str(python_of("seaweedfs").with_name("weed")), "server", "-filer", "-s3"),
                *(f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"),
                *(f"-s3.port={port}", f"-s3.config={keys}", *others),
            ],
            stdout=log,
            stderr=log,
        )


def _ports_of_parts() -> Iterator[str]:
    for part in ("master", "volume", "filer"):
        yield f"{part}.port"
        yield f"{part}.port.grpc"


def _create_bucket(process: "subprocess.Popen[bytes]", files: fs.S3FileSystem) -> None:
    """Create the bucket as soon as the store answers."""
    give_up = time.monotonic() + _START_S
    while True:
        try:
            files.create_dir("photos")
            return
        except OSError:
            if process.poll() is not None or time.monotonic() > give_up:
                raise
