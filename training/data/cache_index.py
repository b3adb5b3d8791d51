"""The database that knows what the pixel cache holds: SQLite, made anew where it is damaged."""

import sqlite3
import time
from functools import partial
from pathlib import Path
from typing import Final

_BUSY_TIMEOUT_S: Final = 30.0
_BUSY_RETRY_S: Final = 0.02
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS checked_pixels (
    sha256 TEXT, view TEXT, shard TEXT, offset INTEGER, height INTEGER, width INTEGER, checksum INTEGER,
    PRIMARY KEY (sha256, view)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS checked_facts (
    sha256 TEXT, version TEXT, fact TEXT, checksum INTEGER, PRIMARY KEY (sha256, version)
) WITHOUT ROWID;
-- Of before there were checksums.
DROP TABLE IF EXISTS pixels;
DROP TABLE IF EXISTS facts;
"""
# In place of a file: what is not kept.
IN_MEMORY: Final = Path(":memory:")
DAMAGED: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


def connect_or_make_anew(file: Path) -> sqlite3.Connection:
    """Open the database; one that is damaged is removed, for a cache can be made again."""
    try:
        database = _connect(file)
        (found,) = database.execute("PRAGMA quick_check(1)").fetchone()
        if found == "ok":
            return database
        database.close()
    except sqlite3.Error as err:
        if error_code(err) not in DAMAGED:
            raise
    remove_database(file)
    return _connect(file)


def remove_database(file: Path) -> None:
    for part in ("", "-wal", "-shm"):
        file.with_name(f"{file.name}{part}").unlink(missing_ok=True)


def clear_index(file: Path) -> None:
    """Forget all that the database knows, under the eyes of runs that have it open."""
    database = connect_or_make_anew(file)
    try:
        with database:
            database.execute("DELETE FROM checked_pixels")
            database.execute("DELETE FROM checked_facts")
        database.execute("VACUUM")
    finally:
        database.close()


def _connect(file: Path) -> sqlite3.Connection:
    gives_up_s = time.monotonic() + _BUSY_TIMEOUT_S
    while True:
        # Used from several threads, one at a time.
        database = sqlite3.connect(file, timeout=_BUSY_TIMEOUT_S, check_same_thread=False)
        database.text_factory = partial(str, encoding="utf-8", errors="replace")
        try:
            database.execute("PRAGMA journal_mode=WAL")
            database.executescript(_SCHEMA)
        except sqlite3.Error as err:
            database.close()
            # Where two processes make the same file, SQLite refuses one at once, whatever the timeout.
            if not _is_busy(err) or time.monotonic() > gives_up_s:
                raise
            time.sleep(_BUSY_RETRY_S)
        else:
            return database


def _is_busy(err: sqlite3.Error) -> bool:
    return error_code(err) == sqlite3.SQLITE_BUSY


def error_code(err: sqlite3.Error) -> int:
    # The lower byte of an extended code is the code.
    return int(getattr(err, "sqlite_errorcode", 0)) & 0xFF
