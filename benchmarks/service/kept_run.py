"""What a run has measured so far, in a file: an interrupted run loses nothing and can go on from there."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.service.rounds import Round


class OtherRun(ValueError):
    """The file is of a run under other conditions."""


def write_run(
    file: Path, conditions: dict[str, Any], rounds: list[Round], strains: dict[str, dict[str, Any]]
) -> None:
    """Replace the file."""
    text = json.dumps(
        {
            "conditions": conditions,
            "rounds": [asdict(found) for found in rounds],
            "strains": strains,
        }
    )
    beside = file.with_name(f"{file.name}.new")
    beside.write_text(text, encoding="utf-8")
    beside.replace(file)


def read_run(
    file: Path, conditions: dict[str, Any]
) -> tuple[list[Round], dict[str, dict[str, Any]]]:
    """Return the rounds and strains of an earlier run under the same conditions.

    Raises:
        OtherRun: it was under others.
        OSError: there is no such file.
    """
    kept = json.loads(file.read_text(encoding="utf-8"))
    if kept["conditions"] != conditions:
        raise OtherRun(f"{file} is of another run: {kept['conditions']}; leave out --resume")
    return [Round(**found) for found in kept["rounds"]], kept["strains"]
