"""One thing that was noticed about a folder of images, in the one shape that all of them have."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

Severity = Literal["error", "warning", "info"]
# What it costs who does nothing about it: wrong labels, a false accuracy, images that are not used, or a
# model that is less good than it could be.
Cost = Literal["labels", "accuracy", "images", "quality"]
_SEVERITIES: Final[Mapping[Severity, int]] = {"error": 0, "warning": 1, "info": 2}
_COSTS: Final[Mapping[Cost, int]] = {"labels": 0, "accuracy": 1, "images": 2, "quality": 3}
_NAMED: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One sentence about the folder.

    Attributes:
        kind: a stable name for programs.
        severity: an error stops a training run; a warning costs images or accuracy; info costs nothing.
        message: what was seen, with its number.
        count: how many files or images it is about; 0 where it is about none.
        example: one of them, below the folder.
        next_step: what to do about it.
        cost: what it costs who does nothing about it.
    """

    kind: str
    severity: Severity
    message: str
    count: int = 0
    example: str | None = None
    next_step: str
    cost: Cost = "images"

    @property
    def sentence(self) -> str:
        """The message with its example and the next step."""
        example = f" (such as {quoted(self.example)})" if self.example else ""
        return f"{self.message}{example}; {self.next_step}"


def costliest_first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return findings by severity, then by what they cost, then by how many files they are about."""
    return tuple(
        sorted(findings, key=lambda f: (_SEVERITIES[f.severity], _COSTS[f.cost], -f.count))
    )


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """Return such as "1 image" or "1,200 images"."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def quoted(name: str) -> str:
    """Return a name in quotes as it can be printed; a backslash of another system's path stays single."""
    mark = '"' if "'" in name and '"' not in name else "'"
    return (
        mark + "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in name) + mark
    )


def named(names: Iterable[str], *, most: int = _NAMED) -> str:
    """Return names in quotes, the first few of them and the number of the rest."""
    every = [quoted(name) for name in names]
    more = f" and {len(every) - most} more" if len(every) > most else ""
    return ", ".join(every[:most]) + more
