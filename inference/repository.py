"""The model repository: `models/<name>/<version>/`, with aliases. Lists and resolves, loads nothing."""

import contextlib
import dataclasses
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from inference.errors import InvalidName, ModelNotFound, PackageError
from inference.files import read_regular_file
from inference.manifest import MANIFEST_FILE
from inference.names import LATEST, STABLE, check_alias, check_model_name, parse_version
from inference.package import Package, read_package
from inference.strictjson import parse_json
from inference.traffic import TRAFFIC_FILE, Traffic

ALIASES_FILE: Final = "aliases.json"
# Of the aliases or the traffic of one model.
_MAX_SETTINGS_BYTES: Final = 2**20


@dataclass(frozen=True, slots=True)
class Repository:
    """A folder of model packages. Every call reads the disk: what is published is seen at once.

    `root` itself may be a link. A model or version that is a link out of it is not seen, so that
    what is served is what lies in the repository.
    """

    root: Path

    def names(self) -> list[str]:
        """Return the models that have at least one version, sorted."""
        if not self.root.is_dir():
            return []
        return sorted(entry.name for entry in self.root.iterdir() if self._holds_versions(entry))

    def versions(self, name: str) -> list[int]:
        """Return the versions of a model in ascending order.

        Raises:
            ModelNotFound: no such model.
        """
        numbers = self._version_numbers(self._model_folder(name))
        if not numbers:
            raise ModelNotFound(f"no model {name!r}; there are {_listed(self.names())}")
        return numbers

    def aliases(self, name: str) -> dict[str, int]:
        """Return the set aliases of a model ("latest" is implied and not among them).

        Raises:
            ModelNotFound: no such model.
            PackageError: the aliases file is damaged.
        """
        self.versions(name)
        return _read_aliases(self._model_folder(name) / ALIASES_FILE)

    def resolve(self, name: str, version: str | int | None = None) -> int:
        """Return the version number meant by a number, an alias, or nothing.

        Nothing means "stable" where that alias is set, else the latest version.

        Raises:
            ModelNotFound: no such model, version or alias.
            PackageError: an alias was asked for, or nothing, and the aliases file is damaged.
        """
        versions = self.versions(name)
        wanted = parse_version(str(version))
        # Before the aliases are read: damaged ones stand in the way of neither.
        if wanted in versions:
            return wanted
        if version == LATEST:
            return versions[-1]
        aliases = self.aliases(name)
        if version is None and STABLE not in aliases:
            return versions[-1]
        alias = STABLE if version is None else str(version)
        if wanted is None and (aliased := aliases.get(alias)) in versions:
            return aliased
        choices = _listed([*map(str, versions), LATEST, *sorted(aliases)])
        raise ModelNotFound(f"model {name!r} has no version {alias[:80]!r}; it has {choices}")

    def package(self, name: str, version: str | int | None = None) -> Package:
        """Read the package of a version.

        Raises:
            ModelNotFound: no such model, version or alias.
            InvalidManifest: the package cannot be read, or lies about its own name or version.
        """
        number = self.resolve(name, version)
        package = read_package(self._model_folder(name) / str(number))
        manifest = package.manifest
        if (manifest.name, manifest.version) != (name, number):
            raise PackageError(
                f"folder {name}/{number} holds a package of {manifest.name}/{manifest.version}; "
                "move it to where it belongs"
            )
        return package

    def set_alias(self, name: str, alias: str, version: int) -> dict[str, int]:
        """Point an alias at a version, atomically, and return all aliases.

        Raises:
            InvalidName: the alias is not allowed.
            ModelNotFound: no such model or version.
            PackageError: the repository cannot be written.
        """
        check_alias(alias)
        self.resolve(name, version)
        aliases = {**self.aliases(name), alias: version}
        _write_json(self._model_folder(name) / ALIASES_FILE, aliases)
        return aliases

    def traffic(self, name: str) -> Traffic | None:
        """Return how the requests of a model are shared among its versions, where that is set.

        Raises:
            ModelNotFound: no such model.
            PackageError: the traffic file is damaged.
        """
        self.versions(name)
        return _read_traffic(self._model_folder(name) / TRAFFIC_FILE)

    def set_traffic(self, name: str, traffic: Traffic | None) -> None:
        """Share the requests of a model among its versions, atomically; None gives all to the default.

        Raises:
            ModelNotFound: no such model, or no such version.
            PackageError: the repository cannot be written.
        """
        self.versions(name)
        for version in traffic.versions() if traffic else ():
            self.resolve(name, version)
        file = self._model_folder(name) / TRAFFIC_FILE
        if traffic is not None:
            _write_json(file, dataclasses.asdict(traffic))
            return
        try:
            file.unlink(missing_ok=True)
        except OSError as err:
            raise PackageError("the models folder is not writable, the traffic stays") from err

    def _model_folder(self, name: str) -> Path:
        try:
            return self.root / check_model_name(name)
        except InvalidName as err:
            raise ModelNotFound(str(err)) from err

    def _holds_versions(self, folder: Path) -> bool:
        try:
            check_model_name(folder.name)
        except InvalidName:
            return False
        return bool(self._version_numbers(folder))

    def _version_numbers(self, folder: Path) -> list[int]:
        """A version is a folder with a manifest: what a copy in progress lacks until its end."""
        root = self.root.resolve()
        with contextlib.suppress(OSError):  # no folder, not readable, or removed just now
            return sorted(
                number
                for entry in folder.iterdir()
                if (number := parse_version(entry.name))
                and (entry / MANIFEST_FILE).is_file()
                and entry.resolve().is_relative_to(root)
            )
        return []


def find_package(path: Path) -> Path:
    """Take `models/NAME` for the version that the service would answer with; return the rest as it is.

    Raises:
        ModelNotFound, PackageError: as `Repository.package`.
    """
    if path.is_dir() and not (path / MANIFEST_FILE).exists():
        resolved = path.resolve()
        return Repository(resolved.parent).package(resolved.name).path
    return path


def _read_aliases(file: Path) -> dict[str, int]:
    try:
        data = parse_json(read_regular_file(file.parent, file.name, max_bytes=_MAX_SETTINGS_BYTES))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as err:
        raise PackageError(
            f"{ALIASES_FILE} of {file.parent.name!r} cannot be read; mend it"
        ) from err
    if not isinstance(data, dict) or not all(type(version) is int for version in data.values()):
        raise PackageError(
            f"{ALIASES_FILE} of {file.parent.name!r} must map names to version numbers"
        )
    return data


def _read_traffic(file: Path) -> Traffic | None:
    where = f"{TRAFFIC_FILE} of {file.parent.name!r}"
    try:
        data = parse_json(read_regular_file(file.parent, file.name, max_bytes=_MAX_SETTINGS_BYTES))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as err:
        raise PackageError(f"{where} cannot be read; mend it") from err
    if not isinstance(data, dict) or not isinstance(data.get("weights", {}), dict):
        raise PackageError(f'{where} is not of the form {{"weights": {{"stable": 90}}}}; mend it')
    unknown = sorted(set(data) - {"weights", "shadow"})
    if unknown:
        raise PackageError(f"{where} has unknown keys {unknown}; mend it")
    try:
        return Traffic(weights=data.get("weights", {}), shadow=data.get("shadow"))
    except PackageError as err:
        raise PackageError(f"{where}: {err}") from err


def _write_json(file: Path, data: Mapping[str, object]) -> None:
    temporary = file.with_name(f".{file.name}-{secrets.token_hex(6)}")
    try:
        with temporary.open("w", encoding="utf-8") as stream:
            json.dump(data, stream, indent=2, sort_keys=True)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(file)
    except OSError as err:
        raise PackageError(
            f"the models folder is not writable, {file.stem} stay as they were"
        ) from err
    finally:
        temporary.unlink(missing_ok=True)


def _listed(names: list[str]) -> str:
    return ", ".join(names) if names else "none yet"
