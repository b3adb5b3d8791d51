"""The model repository: `models/<name>/<version>/`. Lists and resolves, loads nothing."""

from dataclasses import dataclass
from pathlib import Path

from inference.aliases import read_aliases, remove_alias, set_alias
from inference.errors import InvalidName, ModelNotFound, PackageError
from inference.names import LATEST, check_alias, check_model_name, parse_version
from inference.package import Package, read_package
from inference.resolve_version import VersionNames, unknown_model
from inference.traffic import Traffic, read_traffic, write_traffic
from inference.version_folders import list_model, list_models, why_incomplete


@dataclass(frozen=True, slots=True)
class Repository:
    """A folder of model packages. Every call reads the disk: what is published is seen at once.

    `root` itself may be a link. A model or version that is a link out of it is not seen, so that
    what is served is what lies in the repository.
    """

    root: Path

    def names(self) -> list[str]:
        """Return the models that have at least one version, sorted.

        Raises:
            PackageError: the folder is there and cannot be read.
        """
        try:
            return [model.name for model in list_models(self.root) if model.numbers]
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as err:
            raise PackageError(f"the models folder cannot be read: {err.strerror}") from err

    def versions(self, name: str) -> list[int]:
        """Return the versions of a model in ascending order, with those that are still being copied.

        Raises:
            ModelNotFound: no such model.
            PackageError: its folder cannot be read.
        """
        model = list_model(self.root, self._checked(name))
        if model is not None and model.problem is not None:
            raise PackageError(f"the folder of model {name!r} cannot be read: {model.problem}")
        if model is None or not model.numbers:
            raise unknown_model(name, self.names())
        return model.numbers

    def aliases(self, name: str) -> dict[str, int]:
        """Return the set aliases of a model ("latest" is implied and not among them).

        Raises:
            ModelNotFound: no such model.
            PackageError: the aliases file is damaged.
        """
        self.versions(name)
        return read_aliases(self.root / name)

    def resolve(self, name: str, version: str | int | None = None) -> int:
        """Return the version number meant by a number, an alias, or nothing; see `VersionNames`.

        A version whose files have not all arrived is meant only by its number.

        Raises:
            ModelNotFound: no such model, version or alias.
            PackageError: an alias was asked for, or nothing, and the aliases file is damaged.
        """
        versions = self.versions(name)
        asked = None if version is None else str(version)
        if (number := parse_version(asked or "")) in versions:
            return number
        # Damaged aliases stand in the way of no number, and not of the latest.
        aliases = {} if asked == LATEST else self.aliases(name)
        latest = next((n for n in reversed(versions) if self._is_complete(name, n)), None)
        names = VersionNames(model=name, versions=versions, latest=latest, aliases=aliases)
        return names.find(asked)

    def package(self, name: str, version: str | int | None = None) -> Package:
        """Read the package of a version.

        Raises:
            ModelNotFound: no such model, version or alias.
            InvalidManifest: the package cannot be read.
            PackageError: not all of its files are there.
        """
        number = self.resolve(name, version)
        package = self.read(name, number)
        if (why := why_incomplete(package)) is not None:
            raise PackageError(f"version {number} of model {name!r} is incomplete: {why}")
        return package

    def candidates(self, name: str) -> list[int]:
        """Return the version that answers where none is named, and those before it, the newest first.

        Where one cannot be used, the next stands in.

        Raises:
            ModelNotFound, PackageError: as `resolve`.
        """
        first = self.resolve(name)
        return [number for number in reversed(self.versions(name)) if number <= first]

    def read(self, name: str, number: int) -> Package:
        """Read the manifest of a version that is there; its other files may still be missing.

        Raises:
            InvalidManifest: the package cannot be read.
        """
        return read_package(self.root / self._checked(name) / str(number))

    def set_alias(self, name: str, alias: str, version: int) -> dict[str, int]:
        """Point an alias at a version, atomically, and return all aliases.

        Raises:
            InvalidName: the alias is not allowed.
            ModelNotFound: no such model or version.
            PackageError: the version is incomplete, or the repository cannot be written.
        """
        check_alias(alias)
        number = self.resolve(name, version)
        if not self._is_complete(name, number):
            self.package(name, number)  # raises, and says what is missing
        return set_alias(self.root / name, alias, version)

    def remove_alias(self, name: str, alias: str) -> dict[str, int]:
        """Remove an alias, atomically, and return those that are left.

        Raises:
            ModelNotFound: no such model or alias.
            PackageError: the repository cannot be written.
        """
        self.versions(name)
        return remove_alias(self.root / name, alias)

    def traffic(self, name: str) -> Traffic | None:
        """Return how the requests of a model are shared among its versions, where that is set.

        Raises:
            ModelNotFound: no such model.
            PackageError: the traffic file is damaged.
        """
        self.versions(name)
        return read_traffic(self.root / name)

    def set_traffic(self, name: str, traffic: Traffic | None) -> None:
        """Share the requests of a model among its versions, atomically; None gives all to the default.

        Raises:
            ModelNotFound: no such model, or no such version.
            PackageError: the repository cannot be written.
        """
        self.versions(name)
        for version in traffic.versions() if traffic else ():
            self.resolve(name, version)
        write_traffic(self.root / name, traffic)

    def _is_complete(self, name: str, number: int) -> bool:
        try:
            return why_incomplete(self.read(name, number)) is None
        except PackageError:
            return True  # a damaged one is not passed over in silence

    def _checked(self, name: str) -> str:
        try:
            return check_model_name(name)
        except InvalidName as err:
            raise ModelNotFound(str(err)) from err
