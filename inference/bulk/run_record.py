"""What a run's rows depend on, kept beside them: a resumed run must be the same one."""

import dataclasses
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from inference.errors import OutputError
from inference.files import reason_of
from inference.strictjson import from_json, parse_json, to_json

_SUFFIX: Final = ".run.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """The model and the options that rows are of.

    Attributes:
        model: its name and version, for people.
        sha256: of the model file.
        sources: what was given to be answered, as full paths.
        options: those that change rows.
        complete: whether the run has come to its end.
    """

    model: str
    sha256: str
    sources: tuple[str, ...]
    options: Mapping[str, str]
    complete: bool = False


def record_file(out: Path) -> Path:
    """Return where the record of a run that writes to `out` is kept."""
    return out.with_name(out.name + _SUFFIX)


def read_record(out: Path) -> RunRecord | None:
    """Return the record of the run that wrote `out`; None where there is none.

    Raises:
        OutputError: it cannot be read.
    """
    file = record_file(out)
    try:
        return from_json(RunRecord, parse_json(file.read_bytes()), where=file.name)
    except FileNotFoundError:
        return None
    except OSError as err:
        raise OutputError(f"{str(file)!r} cannot be read: {reason_of(err)}") from err
    except ValueError as err:
        raise OutputError(
            f"{str(file)!r} is no record of a run; remove it and {out.name}, and start again"
        ) from err


def write_record(out: Path, record: RunRecord) -> None:
    """Write the record whole or not at all.

    Raises:
        OSError: the folder cannot be written.
    """
    file = record_file(out)
    temporary = file.with_name(f".{file.name}-{os.getpid()}")
    data: Any = to_json(record)
    temporary.write_text(
        json.dumps(data, indent=2) + "\n", encoding="utf-8", errors="surrogatepass"
    )
    temporary.replace(file)


def check_same_run(out: Path, before: RunRecord, now: RunRecord) -> None:
    """Refuse to mix rows of two runs in one file.

    Raises:
        OutputError: model, sources or options differ; the message names the first that does.
    """
    if before.sha256 != now.sha256:
        raise _other(
            out,
            f"{before.model} (sha256 {before.sha256[:12]}), and this is {now.model} "
            f"({now.sha256[:12]}); give that model",
        )
    if before.sources != now.sources:
        raise _other(out, f"{', '.join(before.sources)[:300]!r}; give the same images")
    for name in sorted({*before.options, *now.options}):
        was, is_now = before.options.get(name), now.options.get(name)
        if was != is_now:
            raise _other(
                out, f"a run with {name} {was or 'unset'}, not {is_now or 'unset'}; give that"
            )


def completed(record: RunRecord) -> RunRecord:
    """Return the record of a run that has come to its end."""
    return dataclasses.replace(record, complete=True)


def _other(out: Path, what: str) -> OutputError:
    return OutputError(f"{str(out)!r} has rows of {what}, or another --out")
