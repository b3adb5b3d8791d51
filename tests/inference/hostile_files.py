"""What a stranger may put in a file's place: each is refused without being read."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

HUGE_BYTES = 300 * 2**20


def pipe(file: Path) -> None:
    os.mkfifo(file)


def folder(file: Path) -> None:
    file.mkdir()


def unix_socket(file: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        here = Path.cwd()
        os.chdir(file.parent)  # the address of a socket is short
        try:
            listener.bind(file.name)
        finally:
            os.chdir(here)


def device(file: Path) -> None:
    """An endless one, which may also be reached by a link within the file system only."""
    file.symlink_to("/dev/zero")


def outside(file: Path) -> None:
    file.symlink_to("/etc/hostname")


def huge(file: Path) -> None:
    with file.open("wb") as stream:
        stream.truncate(HUGE_BYTES)


HOSTILE: dict[str, Callable[[Path], None]] = {
    "a pipe": pipe,
    "a folder": folder,
    "a socket": unix_socket,
    "a device": device,
    "a link out of its folder": outside,
    f"{HUGE_BYTES} bytes": huge,
}


def put_in_place(file: Path, kind: str) -> None:
    """Replace a file, which need not be there, by something hostile."""
    file.unlink(missing_ok=True)
    HOSTILE[kind](file)
