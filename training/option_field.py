"""A field of a dataclass that is a flag of the command line: its section, help and values."""

from collections.abc import Callable, Mapping
from dataclasses import field
from typing import Any, Final, Literal

Section = Literal["data", "model", "training", "package", "run"]
SECTIONS: Final[Mapping[Section, str]] = {
    "data": "the images and their split",
    "model": "the network and its input",
    "training": "how it is trained",
    "package": "what is published",
    "run": "how the run behaves",
}


def option(
    section: Section,
    default: Any,
    text: str,
    *,
    shown: str | None = None,
    parse: Callable[[str], Any] | None = None,
    choices: tuple[str, ...] | None = None,
    metavar: str | None = None,
    words: str | None = None,
) -> Any:
    """Return a field that is a flag; `shown` is the default in words, where the value says nothing.

    `words` is what each of the words is that follow a flag which takes several.
    """
    metadata = {
        "section": section,
        "help": text,
        "shown": shown,
        "parse": parse,
        "choices": choices,
        "metavar": metavar,
        "words": words,
    }
    return field(default=default, metadata=metadata)
