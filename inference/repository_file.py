"""The small JSON files beside a model's versions: read by every service, written by any, also at once."""

import json
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from inference.errors import PackageError
from inference.file_lock import locked
from inference.files import read_regular_file
from inference.readable import share_reading
from inference.strictjson import parse_json

_LOCK_FILE: Final = ".changing"
_MAX_BYTES: Final = 2**20


def read_repository_file(file: Path) -> Any:
    """Return the parsed JSON; None where there is no such file.

    Raises:
        PackageError: it cannot be read, is no file, too large, or no JSON.
    """
    try:
        return parse_json(read_regular_file(file.parent, file.name, max_bytes=_MAX_BYTES))
    except FileNotFoundError:
        return None
    except OSError as err:
        raise PackageError(f"{_where(file)} cannot be read: {_reason(err)}") from err
    except ValueError as err:
        raise PackageError(f"{_where(file)} cannot be read: {str(err)[:200]}; mend it") from err
    except PackageError as err:
        raise PackageError(f"{_where(file)} cannot be read: {err}") from err


def write_repository_file(file: Path, data: Mapping[str, object] | None) -> None:
    """Put JSON in the place of `file`, atomically; None removes it. Call it within `changing`.

    Raises:
        OSError: the folder cannot be written.
    """
    if data is None:
        file.unlink(missing_ok=True)
        return
    temporary = file.with_name(f".{file.name}-{secrets.token_hex(6)}")
    try:
        with temporary.open("w", encoding="utf-8") as stream:
            json.dump(data, stream, indent=2, sort_keys=True)
            stream.flush()
            os.fsync(stream.fileno())
        share_reading(temporary)
        temporary.replace(file)
    finally:
        # On a read-only mount even the removal of what is not there is an error.
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


@contextmanager
def changing(file: Path) -> Iterator[None]:
    """Be the only one who reads, changes and writes the files beside a model's versions.

    Raises:
        PackageError: the folder cannot be written, or another has held it for seconds.
    """
    try:
        with locked(file.with_name(_LOCK_FILE)):
            yield
    except OSError as err:
        raise PackageError(
            f"{_where(file)} cannot be changed: {_reason(err)}; it stays as it was"
        ) from err


def _where(file: Path) -> str:
    return f"{file.name} of {file.parent.name!r}"


def _reason(err: OSError) -> str:
    """Return what the system says, without the path that an OSError names."""
    return err.strerror or str(err)
