"""What is published in the models folder, as one immutable snapshot; `snapshot.py` takes it.

The registry takes a new one every few seconds; requests are resolved against the last one, so that no
request reads the disk.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from inference import Manifest, Package
from inference.resolve_version import VersionNames, unknown_model
from inference.traffic import Traffic
from inference.version_folders import FileStamp
from service.errors import ModelNotReady


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedVersion:
    """A version on disk. The same object as long as nothing about it has changed.

    Attributes:
        stamp: changes when the version is published anew under the same number; None where that
            could not be seen.
        package: None where the manifest cannot be used, or is not there yet.
        incomplete: which file has not (fully) arrived.
        problem: why it cannot be used.
    """

    name: str
    number: int
    stamp: FileStamp | None
    package: Package | None = None
    incomplete: str | None = None
    problem: str | None = None

    @property
    def manifest(self) -> Manifest | None:
        """The manifest, where it can be used."""
        return self.package.manifest if self.package else None

    @property
    def why_unusable(self) -> str | None:
        """Why it cannot be loaded; None where nothing speaks against it."""
        return self.problem or (self.incomplete and f"incomplete: {self.incomplete}")


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedModel:
    """A model on disk: its versions in ascending order and its aliases.

    `default` is the version that answers when none is asked for: the alias "stable" where it is set,
    else the latest. It is None where the aliases cannot be read (`problem` says why) or no version is
    complete. `traffic` shares the requests that name no version among several, where it is set.

    Attributes:
        identity: device and inode of its folder; None where it cannot be looked at.
        awaited: the version that will answer as soon as its files are all there.
        disturbed: versions as they look now that were whole before (copied over, not readable). Among
            `versions` they are as before: what is in memory of them goes on answering.
        misnamed: folders with a package in them whose name is no version's.
    """

    name: str
    versions: Mapping[int, PublishedVersion]
    aliases: Mapping[str, int] = field(default_factory=dict)
    default: int | None = None
    traffic: Traffic | None = None
    problem: str | None = None
    awaited: int | None = None
    identity: tuple[int, int] | None = None
    disturbed: Mapping[int, PublishedVersion] = field(default_factory=dict)
    misnamed: tuple[str, ...] = ()

    def find(self, version: str) -> PublishedVersion:
        """Return the version meant by a number or an alias.

        Raises:
            ModelNotFound: no such version or alias.
        """
        return self.versions[self.version_names.find(version)]

    @property
    def version_names(self) -> VersionNames:
        """What its versions are called."""
        complete = [v.number for v in self.versions.values() if v.incomplete is None]
        return VersionNames(
            model=self.name,
            versions=self.versions.keys(),
            latest=max(complete, default=None),
            aliases=self.aliases,
        )

    def shown_version(self, serving: int | None) -> PublishedVersion | None:
        """Return the version that describes the model: the one that answers, else what might."""
        number = serving or self.default or max(self.versions, default=None)
        return None if number is None else self.versions.get(number)

    @property
    def can_answer(self) -> bool:
        """Whether it has a version that can be used."""
        return any(published.why_unusable is None for published in self.versions.values())

    def why_unusable(self, published: PublishedVersion) -> str | None:
        """Return why a version of it cannot be loaded now; None where nothing speaks against it."""
        return self.disturbed.get(published.number, published).why_unusable


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalog:
    """All published models by name.

    Attributes:
        problem: why the folder could not be read; the models are then those of before.
        ignored: folders that are no models though a package lies in them, and why.
        identity: device and inode of the folder, when it was last read.
        is_read: False before the first look.
    """

    models: Mapping[str, PublishedModel] = field(default_factory=dict)
    problem: str | None = None
    ignored: Mapping[str, str] = field(default_factory=dict)
    identity: tuple[int, int] | None = None
    is_read: bool = True

    def find(self, name: str) -> PublishedModel:
        """Return a model.

        Raises:
            ModelNotFound: no such model.
            ModelNotReady: nobody has looked yet.
        """
        if not self.is_read:
            raise ModelNotReady("the models folder is being read; try again", retry_after_s=1)
        if name not in self.models:
            raise unknown_model(name, self.models)
        return self.models[name]


EMPTY_CATALOG: Final = Catalog(is_read=False)
