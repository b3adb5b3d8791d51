"""The checkpoint of a run: saved now and then and when asked to stop, resumed by the same command."""

import json
import os
import pickle
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, Final

import torch

from training.errors import ConfigError, Paused
from training.finetuning.checkpoint_file import checkpoint_file, remove_checkpoint
from training.runtime import distributed
from training.runtime.ranks import is_main
from training.runtime.torch_files import is_whole, takes_more_than_its_size

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
        warn: called with what stands in the way of saving, where the run goes on without.
    """

    file: Path
    identity: Identity
    saved: float
    stop: bool = False
    warn: Callable[[str], None] = field(default=lambda _: None)

    @classmethod
    def at(cls, folder: Path, name: str, identity: Identity) -> "Checkpoints":
        """Return the place of a run's checkpoint in a folder, which is made.

        Raises:
            ConfigError: it cannot be made.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as err:
            raise ConfigError(
                f"folder {str(folder)!r} cannot be made: {_reason(err)}; make room, or choose another with "
                "--cache-dir"
            ) from err
        file = checkpoint_file(folder, name)
        if is_main():
            _remove_unfinished(folder, file.name)
        return cls(file=file, identity=identity, saved=time.monotonic())

    @property
    def log_folder(self) -> Path:
        """Where the run's trackers may write: beside the file, and kept when that is removed."""
        return self.file.with_suffix("")

    def load(self) -> dict[str, Any] | None:
        """Return what was saved, or None where there is nothing.

        Raises:
            ConfigError: it is another run's, or damaged.
        """
        if not self.file.exists():
            return None
        saved = _read(self.file)
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
        """Write beside the file, flush to the disk, then put it in its place.

        Raises:
            ConfigError: there is no room, or the folder cannot be written.
        """
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
        except (OSError, RuntimeError) as err:  # torch's own writer raises the second
            raise ConfigError(
                f"the run cannot be saved in {str(self.file.parent)!r}: {_reason(err)}; make room, or "
                "choose another folder with --cache-dir"
            ) from err
        finally:
            temporary.unlink(missing_ok=True)
        self.saved = time.monotonic()

    def try_to_save(self, contents: Mapping[str, Any]) -> bool:
        """Save; where there is no room say so, and return False: the next time there may be."""
        try:
            self.save(contents)
        except ConfigError as err:
            self.warn(f"{err}. The run goes on, and is saved when it can be")
            return False
        return True

    def offer(self, contents: Callable[[], Mapping[str, Any]]) -> None:
        """Save if it is time to.

        Raises:
            Paused: the run was asked to stop; it is saved.
            KeyboardInterrupt: it was asked to stop, and cannot be saved.
        """
        if distributed.any_of(self.stop):
            raise Paused if self.try_to_save(contents()) else KeyboardInterrupt
        if distributed.broadcast(time.monotonic() - self.saved >= SAVE_EVERY_S):
            self.try_to_save(contents())
            self.saved = time.monotonic()

    def remove(self) -> None:
        """Forget the run: it is over."""
        remove_checkpoint(self.file)

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


def _read(file: Path) -> dict[str, Any]:
    """Read a checkpoint as it was written; nothing of it is run.

    Raises:
        ConfigError: it is damaged.
    """
    damaged = ConfigError(
        f"the unfinished run in {str(file)!r} is damaged (cut short, or changed on the disk); "
        "add --fresh to start again"
    )
    try:
        # torch reads past flipped bits, and the loss becomes nan an hour later.
        if takes_more_than_its_size(file) or not is_whole(file):
            raise damaged
        saved = torch.load(file, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, ValueError, EOFError, pickle.UnpicklingError) as err:
        raise damaged from err
    if not isinstance(saved, dict) or saved.keys() != {"format", "identity", "contents"}:
        raise damaged
    return saved


def _remove_unfinished(folder: Path, name: str) -> None:
    """Remove what runs left that were killed while they saved."""
    for path in folder.glob(f".{name}.*"):
        number = path.name.rpartition(".")[2]
        if number.isdecimal() and not _is_alive(int(number)):
            path.unlink(missing_ok=True)


def _is_alive(pid: int) -> bool:
    if pid == os.getpid() or os.name == "nt":
        return True
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    return True


def _reason(err: Exception) -> str:
    """Return what the system says; torch's writer hides it, mostly want of room."""
    cause: BaseException | None = err
    while cause is not None:
        if isinstance(cause, OSError):
            return cause.strerror or type(cause).__name__
        cause = cause.__cause__ or cause.__context__
    return "it could not be written"


def describe_options(options: Mapping[str, Any]) -> dict[str, str]:
    """Return options as the flags and values a user would type, for an identity."""
    return {
        f"--{key.replace('_', '-')}": json.dumps(value, ensure_ascii=False)
        for key, value in options.items()
    }
