"""A line of the table."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One case's answer, and what is wrong with it (nothing where it is right)."""

    kind: str
    name: str
    answer: str
    wrong: str
