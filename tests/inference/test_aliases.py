"""Aliases are set and removed, by many at once, on disks that take no writing too."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from inference import ModelNotFound, PackageError, Repository
from tests.builders import make_package

ROOT = Path(__file__).parents[2]
SET_MANY = """
import sys
from pathlib import Path
from inference import Repository
for number in range(25):
    Repository(Path(sys.argv[1])).set_alias("colours", f"{sys.argv[2]}-{number}", 1)
"""


@pytest.fixture
def repository(models_dir: Path) -> Repository:
    make_package(models_dir)
    return Repository(models_dir)


def test_no_alias_is_lost_when_processes_set_theirs_at_once(repository: Repository) -> None:
    processes = [
        subprocess.Popen([sys.executable, "-c", SET_MANY, str(repository.root), who], cwd=ROOT)
        for who in "abcd"
    ]
    assert [process.wait(timeout=60) for process in processes] == [0] * 4
    assert len(repository.aliases("colours")) == 100
    assert sorted(os.listdir(repository.root / "colours")) == [".changing", "1", "aliases.json"]


def test_a_removed_alias_is_gone_and_another_is_named(repository: Repository) -> None:
    repository.set_alias("colours", "beta", 1)
    repository.set_alias("colours", "stable", 1)
    assert repository.remove_alias("colours", "stable") == {"beta": 1}
    with pytest.raises(ModelNotFound, match="has no alias 'stable'; it has beta"):
        repository.remove_alias("colours", "stable")


@pytest.mark.parametrize(
    "refused", [[(os, "open")], [(os, "fsync"), (Path, "unlink")]], ids=["lock", "file"]
)
def test_a_read_only_mount_is_a_reason_and_no_crash(
    repository: Repository,
    monkeypatch: pytest.MonkeyPatch,
    refused: list[tuple[object, str]],
) -> None:
    """As a read-only mount does: there even the removal of what is not there is refused."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), "/secret/place")

    for target, name in refused:
        monkeypatch.setattr(target, name, refuse)
    with pytest.raises(PackageError) as refusal:
        repository.set_alias("colours", "stable", 1)
    assert str(refusal.value) == (
        "aliases.json of 'colours' cannot be changed: Read-only file system; it stays as it was"
    )
