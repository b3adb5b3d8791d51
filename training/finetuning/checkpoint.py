"""The checkpoint of a run: saved now and then and when asked to stop, resumed by the same command."""

import hashlib
import json
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Final

import torch

from training.errors import ConfigError, Paused
from training.runtime import distributed
from training.runtime.ranks import is_main

SAVE_EVERY_S: Final = 60.0
_FORMAT: Final = 5

# What a run is of, in words a user knows: each option, the data, the weights.
Identity = Mapping[str, str]


@dataclass(slots=True, kw_only=True)
class Checkpoints:
    """The one file that a run can be resumed from. It is replaced as a whole or not at all.

    Attributes:
        file: where it lies.
        identity: what the run is of; a checkpoint of another run is refused.
        saved: `time.monotonic()` of the last save.
        stop: set by a signal: save and end at the next step.
    """

    file: Path
    identity: Identity
    saved: float
    stop: bool = False

    @classmethod
    def at(cls, folder: Path, name: str, identity: Identity) -> "Checkpoints":
        """Return the place of a run's checkpoint in a folder, which is made."""
        folder.mkdir(parents=True, exist_ok=True)
        return cls(file=folder / f"{name}.pt", identity=identity, saved=time.monotonic())

    @property
    def log_folder(self) -> Path:
        """Where the run's trackers may write: beside the file, and kept when that is removed."""
        return self.file.with_suffix("")

    def load(self) -> dict[str, Any] | None:
        """Return what was saved, or None where there is nothing.

        Raises:
            ConfigError: it is another run's.
        """
        try:
            saved: dict[str, Any] = torch.load(self.file, map_location="cpu", weights_only=True)
        except FileNotFoundError:
            return None
        if saved["format"] != _FORMAT:
            raise ConfigError(
                f"an unfinished run in {str(self.file)!r} is of another version of this program; "
                "add --fresh to start again"
            )
        theirs: dict[str, str] = saved["identity"]
        changed = [
            f"{key} was {theirs.get(key, 'not there')}, is {self.identity.get(key, 'not there')}"
            for key in sorted({*theirs, *self.identity})
            if theirs.get(key) != self.identity.get(key)
        ]
        if changed:
            raise ConfigError(
                f"an unfinished run differs from this one: {'; '.join(changed)}. Give the same "
                "options and data to resume it, or add --fresh to start again"
            )
        contents: dict[str, Any] = saved["contents"]
        return contents

    def save(self, contents: Mapping[str, Any]) -> None:
        """Write beside the file, flush to the disk, then put it in its place."""
        if not is_main():
            return
        temporary = self.file.with_name(f".{self.file.name}.{os.getpid()}")
        try:
            with temporary.open("wb") as stream:
                torch.save(
                    {
                        "format": _FORMAT,
                        "identity": dict(self.identity),
                        "contents": dict(contents),
                    },
                    stream,
                )
                stream.flush()
                os.fsync(stream.fileno())
            temporary.replace(self.file)
        finally:
            temporary.unlink(missing_ok=True)
        self.saved = time.monotonic()

    def offer(self, contents: Callable[[], Mapping[str, Any]]) -> None:
        """Save if it is time to.

        Raises:
            Paused: the run was asked to stop; it is saved.
        """
        if distributed.any_of(self.stop):
            self.save(contents())
            raise Paused
        if distributed.broadcast(time.monotonic() - self.saved >= SAVE_EVERY_S):
            self.save(contents())
            self.saved = time.monotonic()

    def remove(self) -> None:
        """Forget the run: it is over."""
        if is_main():
            self.file.unlink(missing_ok=True)

    @contextmanager
    def stopping_safely(self) -> Iterator[None]:
        """Let Ctrl-C and SIGTERM end a block at its next `offer`; a second one ends it at once."""

        def ask(signum: int, frame: FrameType | None) -> None:
            if self.stop:
                raise KeyboardInterrupt
            self.stop = True

        before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def run_name(publish_name: str, models_dir: Path) -> str:
    """Return a file name for the run that publishes under a name into a repository."""
    place = hashlib.sha256(str(models_dir.resolve()).encode()).hexdigest()[:12]
    return f"{publish_name}-{place}"


def describe_options(options: Mapping[str, Any]) -> dict[str, str]:
    """Return options as the flags and values a user would type, for an identity."""
    return {
        f"--{key.replace('_', '-')}": json.dumps(value, ensure_ascii=False)
        for key, value in options.items()
    }
