"""What is published in the models folder, as one immutable snapshot.

The registry takes a new snapshot every few seconds; requests are resolved against the last one, so
that no request reads the disk.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from inference import InferenceError, Manifest, ModelNotFound, Package, PackageError, Repository
from inference.manifest import MANIFEST_FILE
from inference.traffic import Traffic
from inference.version_names import VersionNames, unknown_model


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedVersion:
    """A version on disk.

    Attributes:
        stamp: changes when the version is published anew under the same number.
        package: None where the manifest cannot be used; `problem` then says why.
    """

    name: str
    number: int
    stamp: tuple[int, int]
    package: Package | None
    problem: str | None = None

    @property
    def manifest(self) -> Manifest | None:
        """The manifest, where it can be used."""
        return self.package.manifest if self.package else None


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedModel:
    """A model on disk: its versions in ascending order and its aliases.

    `default` is the version that answers when none is asked for: the alias "stable" where it is set,
    else the latest. It is None, and `problem` says why, where the aliases cannot be read.
    `traffic` shares the requests that name no version among several, where it is set.
    """

    name: str
    versions: Mapping[int, PublishedVersion]
    aliases: Mapping[str, int]
    default: int | None
    traffic: Traffic | None = None
    problem: str | None = None

    def find(self, version: str) -> PublishedVersion:
        """Return the version meant by a number or an alias.

        Raises:
            ModelNotFound: no such version or alias.
        """
        names = VersionNames(model=self.name, versions=self.versions.keys(), aliases=self.aliases)
        return self.versions[names.find(version)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalog:
    """All published models by name. `problem` says why the folder could not be read."""

    models: Mapping[str, PublishedModel] = field(default_factory=dict)
    problem: str | None = None

    def find(self, name: str) -> PublishedModel:
        """Return a model.

        Raises:
            ModelNotFound: no such model.
        """
        if name not in self.models:
            raise unknown_model(name, self.models)
        return self.models[name]


EMPTY_CATALOG: Final = Catalog()


def read_catalog(repository: Repository, previous: Catalog = EMPTY_CATALOG) -> Catalog:
    """Take a snapshot. Manifests that did not change are not read again.

    Where the folder cannot be read (an unmounted volume), the previous models stay.
    """
    try:
        if not repository.root.is_dir():
            return Catalog(models=previous.models, problem="the models folder does not exist")
        names = repository.names()
    except (OSError, PackageError) as err:
        return Catalog(models=previous.models, problem=str(err))
    models = {}
    for name in names:
        try:
            models[name] = _read_model(repository, name, previous.models.get(name))
        except (ModelNotFound, OSError):
            continue  # removed while being read
    return Catalog(models=models)


def _read_model(
    repository: Repository, name: str, previous: PublishedModel | None
) -> PublishedModel:
    before = previous.versions if previous else {}
    versions = {
        number: _read_version(repository, name, number, before.get(number))
        for number in repository.versions(name)
    }
    try:
        aliases = repository.aliases(name)
        default = VersionNames(model=name, versions=versions, aliases=aliases).find(None)
    except (PackageError, ModelNotFound) as err:
        # Better the version of before than one that the operator held back with "stable".
        kept = previous.default if previous and previous.default in versions else None
        return PublishedModel(
            name=name,
            versions=versions,
            aliases=previous.aliases if previous else {},
            default=kept,
            traffic=previous.traffic if previous else None,
            problem=str(err),
        )
    try:
        traffic, problem = repository.traffic(name), None
    except PackageError as err:
        traffic, problem = previous.traffic if previous else None, str(err)
    return PublishedModel(
        name=name,
        versions=versions,
        aliases=aliases,
        default=default,
        traffic=traffic,
        problem=problem,
    )


def _read_version(
    repository: Repository, name: str, number: int, previous: PublishedVersion | None
) -> PublishedVersion:
    status = (repository.root / name / str(number) / MANIFEST_FILE).stat()
    stamp = (status.st_mtime_ns, status.st_ino)
    if previous is not None and previous.stamp == stamp:
        return previous
    try:
        package = repository.read(name, number)
    except InferenceError as err:
        return PublishedVersion(
            name=name, number=number, stamp=stamp, package=None, problem=str(err)
        )
    return PublishedVersion(name=name, number=number, stamp=stamp, package=package)
