"""Rows as a Parquet file, made of JSON lines at the end of a run: Parquet cannot be resumed.

pyarrow is the optional extra `parquet` and imported only here.
"""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final

from inference.errors import OutputError, UsageError
from inference.files import reason_of

_GROUP_ROWS: Final = 50_000


def check_parquet() -> None:
    """Raises UsageError: pyarrow is not installed."""
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError as err:
        raise UsageError(
            "Parquet needs pyarrow, which is not installed; pip install 'graft-classifier[parquet]', "
            "or give a name that ends in .csv or .jsonl"
        ) from err


def write_parquet(rows: Path, target: Path) -> None:
    """Write the JSON lines of `rows` as `target`, whole or not at all; no more than a part is held.

    Raises:
        OutputError: it cannot be written.
    """
    import pyarrow.parquet as pq

    temporary = target.with_name(f".{target.name}-{os.getpid()}")
    try:
        with rows.open("rb") as lines, pq.ParquetWriter(temporary, _schema()) as writer:
            for group in _groups(lines):
                writer.write_table(entries_table(group))
        temporary.replace(target)
    except OSError as err:
        raise OutputError(
            f"{str(target)!r} cannot be written: {reason_of(err)}; the rows are in {str(rows)!r}"
        ) from err
    finally:
        temporary.unlink(missing_ok=True)


def _groups(lines: Iterator[bytes]) -> Iterator[list[dict[str, Any]]]:
    while group := [json.loads(line) for line in islice(lines, _GROUP_ROWS)]:
        yield group


def entries_table(entries: Sequence[Mapping[str, Any]]) -> Any:
    """Return rows as a pyarrow table. Names that are no Unicode are escaped, as in CSV."""
    import pyarrow as pa

    rows = [
        {**entry, "path": entry["path"].encode("utf-8", "backslashreplace").decode()}
        for entry in entries
    ]
    return pa.Table.from_pylist(rows, schema=_schema())


def _schema() -> Any:
    import pyarrow as pa

    entry = pa.struct([("label", pa.string()), ("probability", pa.float32())])
    return pa.schema(
        [
            ("path", pa.string()),
            ("label", pa.string()),
            ("probability", pa.float32()),
            ("rejected", pa.bool_()),
            ("rejected_reason", pa.string()),
            ("problem", pa.string()),
            ("top", pa.list_(entry)),
        ]
    )
