"""Which version of a model is meant by a number, an alias, "latest", or nothing. The only such rule."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from inference.errors import ModelNotFound
from inference.names import LATEST, STABLE, parse_version


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionNames:
    """What the versions of one model are called.

    Attributes:
        versions: all of them, for a number or an alias may name any.
        latest: the highest whose files are all there; None where there is none.
    """

    model: str
    versions: Collection[int]
    latest: int | None
    aliases: Mapping[str, int]

    def find(self, asked: str | None) -> int:
        """Return the version that is meant; nothing means "stable" where that is set, else the latest.

        No alias can give a number or "latest" another meaning.

        Raises:
            ModelNotFound: no such version or alias, or the alias points at a version that is not there.
        """
        if asked == LATEST or (asked is None and STABLE not in self.aliases):
            return self._latest()
        asked = STABLE if asked is None else asked
        aliased = None if parse_version(asked) else self.aliases.get(asked)
        number = aliased or parse_version(asked)
        if number is not None and number in self.versions:
            return number
        points = f" (the alias points at version {aliased}, which is not there)" if aliased else ""
        raise ModelNotFound(
            f"model {self.model!r} has no version {asked[:80]!r}{points}; it has {self._choices()}"
        )

    def _latest(self) -> int:
        if self.latest is None:
            raise ModelNotFound(
                f"model {self.model!r} has no version yet whose files are all there"
            )
        return self.latest

    def _choices(self) -> str:
        return listed([*map(str, sorted(self.versions)), LATEST, *sorted(self.aliases)])


def unknown_model(name: str, models: Iterable[str], *, where: str = "") -> ModelNotFound:
    """Return the error for a model that is not among `models`, those in the folder `where`."""
    place = f" in {where!r}" if where else ""
    return ModelNotFound(f"no model {name[:80]!r}{place}; there are: {listed(sorted(models))}")


def listed(names: Collection[str], *, most: int = 20) -> str:
    """Return names for a message: the last `most` of them, for the newest versions stand there."""
    shown = list(names)[-most:]
    more = f"{len(names) - most} more, " if len(names) > most else ""
    return more + ", ".join(shown) if shown else "none yet"
