"""How the requests of a model that name no version are shared among its versions.

`models/<name>/traffic.json`: `{"weights": {"stable": 90, "candidate": 10}, "shadow": "next"}`, each
name an alias, "latest" or a version's number.
"""

import dataclasses
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from inference.errors import InvalidName, PackageError
from inference.names import LATEST, check_alias, parse_version
from inference.repository_file import changing, read_repository_file, write_repository_file

TRAFFIC_FILE: Final = "traffic.json"
_MAX_VERSIONS: Final = 16
_MAX_WEIGHT: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """Shares of the requests, and who is asked too without being heard.

    Attributes:
        weights: version (alias, "latest" or number) to its share, in proportion to the sum.
        shadow: a version that is given the same images on spare capacity; its answers are compared
            and thrown away.
    """

    weights: Mapping[str, int] = field(default_factory=dict)
    shadow: str | None = None

    def __post_init__(self) -> None:
        if not self.weights and self.shadow is None:
            raise PackageError("traffic names neither weights nor a shadow; name one")
        if len(self.weights) > _MAX_VERSIONS:
            raise PackageError(
                f"traffic names {len(self.weights)} versions, limit is {_MAX_VERSIONS}"
            )
        for version in self.versions():
            _check_version(version)
        for version, weight in self.weights.items():
            if type(weight) is not int or not 0 <= weight <= _MAX_WEIGHT:
                raise PackageError(
                    f"weight of {version!r} must be a whole number of 0..{_MAX_WEIGHT}, got {weight!r}"
                )
        if self.weights and not any(self.weights.values()):
            raise PackageError("all weights are 0; give one version a share")

    def versions(self) -> Iterator[str]:
        """Yield every version that is named."""
        yield from self.weights
        if self.shadow is not None:
            yield self.shadow

    def choose(self, key: str) -> str | None:
        """Return the version for a request; the same key gets the same one. None without weights.

        A key is hashed to a point on a line that the versions share in the order of their names.
        """
        total = sum(self.weights.values())
        if total == 0:
            return None
        digest = hashlib.blake2b(key.encode(), digest_size=8).digest()
        point = int.from_bytes(digest, "big") * total >> 64
        for version, weight in sorted(self.weights.items()):
            if point < weight:
                return version
            point -= weight
        raise AssertionError("a point lies beyond the sum of the weights")


def _check_version(version: object) -> None:
    if not isinstance(version, str):
        raise PackageError(f"a version in the traffic must be text, got {version!r}")
    if version != LATEST and parse_version(version) is None:
        try:
            check_alias(version)
        except InvalidName as err:
            raise PackageError(f"traffic names {version[:80]!r}: {err}") from err


def read_traffic(model_folder: Path) -> Traffic | None:
    """Return how the requests of a model are shared, where that is set.

    Raises:
        PackageError: the file is damaged or cannot be read.
    """
    data = read_repository_file(model_folder / TRAFFIC_FILE)
    if data is None:
        return None
    where = f"{TRAFFIC_FILE} of {model_folder.name!r}"
    if not isinstance(data, dict) or not isinstance(data.get("weights", {}), dict):
        raise PackageError(f'{where} is not of the form {{"weights": {{"stable": 90}}}}; mend it')
    unknown = sorted(set(data) - {"weights", "shadow"})
    if unknown:
        raise PackageError(f"{where} has unknown keys {str(unknown)[:200]}; mend it")
    try:
        return Traffic(weights=data.get("weights", {}), shadow=data.get("shadow"))
    except PackageError as err:
        raise PackageError(f"{where}: {err}") from err


def write_traffic(model_folder: Path, traffic: Traffic | None) -> None:
    """Share the requests of a model, atomically; None gives all to the default version.

    Raises:
        PackageError: the repository cannot be written.
    """
    file = model_folder / TRAFFIC_FILE
    with changing(file):
        write_repository_file(file, dataclasses.asdict(traffic) if traffic else None)
