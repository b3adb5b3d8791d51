"""Read one version of the models folder, or keep what is known of it where nothing has changed."""

from inference import InferenceError, Package, Repository
from inference.manifest import MANIFEST_FILE
from inference.version_folders import FileStamp, VersionFolder, why_incomplete
from service.repository.catalog import PublishedVersion

_NO_MANIFEST = f"{MANIFEST_FILE} is not there yet"


def read_version(
    repository: Repository, name: str, folder: VersionFolder, before: PublishedVersion | None
) -> PublishedVersion:
    """Return the version in a folder; the same object as `before` where nothing has changed."""
    if before is not None and before.package is not None and _is_same(before.stamp, folder.stamp):
        incomplete = why_incomplete(before.package)
        if incomplete == before.incomplete:
            return before
        return _version(name, folder, package=before.package, incomplete=incomplete)
    # A change of its rights alone may be what makes it readable.
    if before is not None and folder.stamp is not None and before.stamp == folder.stamp:
        return before
    now = _read(repository, name, folder)
    return before if before == now and before is not None else now


def _read(repository: Repository, name: str, folder: VersionFolder) -> PublishedVersion:
    if folder.problem is not None:
        return _version(name, folder, problem=f"it cannot be read: {folder.problem}")
    if folder.stamp is None:
        return _version(name, folder, incomplete=_NO_MANIFEST)
    try:
        package = repository.read(name, folder.number)
    except InferenceError as err:
        cause = err.__cause__
        if isinstance(cause, FileNotFoundError):
            return PublishedVersion(
                name=name, number=folder.number, stamp=None, incomplete=_NO_MANIFEST
            )
        if isinstance(cause, OSError):  # it may pass, without a change of the file: no stamp
            return PublishedVersion(name=name, number=folder.number, stamp=None, problem=str(err))
        return _version(name, folder, problem=str(err))
    return _version(name, folder, package=package, incomplete=why_incomplete(package))


def _version(
    name: str,
    folder: VersionFolder,
    *,
    package: Package | None = None,
    incomplete: str | None = None,
    problem: str | None = None,
) -> PublishedVersion:
    return PublishedVersion(
        name=name,
        number=folder.number,
        stamp=folder.stamp,
        package=package,
        incomplete=incomplete,
        problem=problem,
    )


def _is_same(one: FileStamp | None, other: FileStamp | None) -> bool:
    """Return whether a file has not been written anew. Rights and hard links do not count (backups)."""
    if one is None or other is None:
        return False
    return (one.modified_ns, one.inode, one.size_bytes) == (
        other.modified_ns,
        other.inode,
        other.size_bytes,
    )
