"""The file of rows: written batch by batch, and resumed after a run that was killed.

Rows are handed to the system as soon as their batch is answered, so a killed process loses none of them.
A resumed run cuts off a torn last record, and the rows of a batch that was not whole: it is answered again
as a whole, so that the file comes out as from an unbroken run.
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Self

from inference.bulk.pipeline import Row
from inference.bulk.rows import RowFormat, complete_records
from inference.bulk.written_names import WrittenNames
from inference.errors import OutputError
from inference.file_lock import lock_open_file
from inference.files import reason_of


class OutputFile:
    """Open for rows at its end.

    `written` are the names that have one already; `num_found` rows were in the file, also those of a batch
    that is answered again.
    """

    def __init__(self, path: Path, row_format: RowFormat) -> None:
        self._path = path
        self._format = row_format
        self._stream: IO[bytes] | None = None
        self.num_rows = 0
        self.num_found = 0
        self.written = WrittenNames([])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._stream is not None:
            self._stream.close()

    def start(self) -> None:
        """Make the file.

        Raises:
            OutputError: it is there already, or cannot be made.
        """
        try:
            self._stream = self._path.open("xb", buffering=0)
        except FileExistsError as err:
            raise OutputError(
                f"{str(self._path)!r} exists; add --resume to go on with it, or give another --out"
            ) from err
        except OSError as err:
            raise self._failed(err) from err
        self._lock()
        self._write(self._format.header())

    def resume(self, *, batch: int) -> None:
        """Open the file where the last whole batch of it ends.

        Raises:
            OutputError: it cannot be read or written, or its rows are of another format.
        """
        try:
            self._stream = self._path.open("r+b", buffering=0)
            self._lock()
            with self._path.open("rb") as file:
                ends = self._end_of_batches(file, batch)
            self._stream.truncate(ends)
            self._stream.seek(ends)
        except OSError as err:
            raise self._failed(err) from err
        if ends == 0:
            self._write(self._format.header())

    def append(self, rows: Sequence[Row]) -> None:
        """Write the rows of a batch.

        Raises:
            OutputError: the disk is full, or the file cannot be written.
        """
        self._write(self._format.encode(rows))
        self.num_rows += len(rows)

    def _lock(self) -> None:
        assert self._stream is not None
        if not lock_open_file(self._stream.fileno()):
            raise OutputError(
                f"another run is writing {str(self._path)!r}; wait for its end, or give another --out"
            )

    def _end_of_batches(self, file: IO[bytes], batch: int) -> int:
        """Return where the last whole batch ends; remember the names up to there."""
        header = self._format.header()
        if file.read(len(header)) != header:
            if os.path.getsize(self._path) >= len(header):
                raise OutputError(f"{str(self._path)!r} has other columns; give another --out")
            return 0
        self.num_found = sum(1 for _ in complete_records(file))
        self.num_rows = self.num_found // batch * batch
        file.seek(len(header))
        ends = [len(header)]
        self.written = WrittenNames(self._names(file, ends))
        return ends[0]

    def _names(self, file: IO[bytes], ends: list[int]) -> Iterator[str]:
        for _, record in zip(range(self.num_rows), complete_records(file), strict=False):
            ends[0] += len(record)
            try:
                yield self._format.name_in(record)
            except ValueError as err:  # of text encoding too
                raise OutputError(
                    f"{str(self._path)!r} has been changed: what ends at byte {ends[0]} is no row; "
                    "give another --out"
                ) from err

    def _write(self, data: bytes) -> None:
        assert self._stream is not None
        left = memoryview(data)
        try:
            while left:
                left = left[self._stream.write(left) :]
        except OSError as err:
            raise self._failed(err) from err

    def _failed(self, err: OSError) -> OutputError:
        return OutputError(
            f"{str(self._path)!r} cannot be written: {reason_of(err)}; what is in it stays, and "
            "--resume goes on"
        )
