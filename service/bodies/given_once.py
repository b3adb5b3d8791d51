"""Options by name, as they were sent; one that was sent several times cannot be taken for a value."""

from collections.abc import Iterable


class Repeated(tuple[str, ...]):
    """The values of an option that was sent several times. No option's type takes it."""

    __slots__ = ()


def given_once(items: Iterable[tuple[str, str]]) -> dict[str, str | Repeated]:
    """Return values by name, `Repeated` where a name comes again."""
    found: dict[str, list[str]] = {}
    for name, value in items:
        found.setdefault(name, []).append(value)
    return {name: v[0] if len(v) == 1 else Repeated(v) for name, v in found.items()}
