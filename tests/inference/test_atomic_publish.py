"""A version is published whole or not at all, and one publisher does not disturb another."""

import errno
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from inference.atomic_publish import next_version, publish_package
from inference.errors import InvalidName, PackageError
from inference.manifest import MANIFEST_FILE
from inference.names import MAX_VERSION
from inference.repository import Repository
from tests.builders import make_package

DAY_S = 24 * 3600
PUBLISH_AND_HANG = """
import sys, signal
from pathlib import Path
from tests.builders import make_package

def hang(folder):
    print(folder, flush=True)
    signal.pause()

make_package(Path(sys.argv[1]), after=hang)
"""


def write_nothing(folder: Path, version: int) -> None:
    (folder / "version.txt").write_text(str(version))


def left_in(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def test_versions_count_up_and_no_temporary_folder_stays(tmp_path: Path) -> None:
    for version in (1, 2, 3):
        assert make_package(tmp_path) == tmp_path / "colours" / str(version)
    assert left_in(tmp_path / "colours") == ["1", "2", "3"]


def test_the_next_version_follows_the_highest_and_ignores_other_entries(tmp_path: Path) -> None:
    assert next_version(tmp_path) == 1
    for name in ("2", "9", "010", "x", ".publishing-1"):
        (tmp_path / name).mkdir()
    assert next_version(tmp_path) == 10


def test_after_a_date_comes_the_next_number_and_after_the_highest_a_word(tmp_path: Path) -> None:
    folder = tmp_path / "colours"
    (folder / "202611221200").mkdir(parents=True)
    assert make_package(tmp_path).name == "202611221201"
    (folder / str(MAX_VERSION)).mkdir()
    with pytest.raises(PackageError, match="highest version"):
        publish_package(tmp_path, "colours", write_nothing)


def rights(path: Path) -> str:
    return f"{path.stat().st_mode & 0o777:o}"


@pytest.mark.parametrize(
    ("repository", "folder", "file"),
    [("755", "755", "644"), ("750", "750", "640"), ("700", "700", "600"), ("775", "755", "644")],
)
def test_who_may_read_the_repository_may_read_what_a_strict_umask_wrote(
    tmp_path: Path, repository: str, folder: str, file: str
) -> None:
    tmp_path.chmod(int(repository, 8))
    before = os.umask(0o077)
    try:
        version = make_package(tmp_path)
        Repository(tmp_path).set_alias("colours", "stable", 1)
    finally:
        os.umask(before)
    assert {rights(path) for path in (version.parent, version, version / "golden")} == {folder}
    files = [path for path in version.parent.rglob("[!.]*") if path.is_file()]
    assert version / MANIFEST_FILE in files
    assert {rights(path) for path in files} == {file}


def test_a_killed_publisher_leaves_nothing_that_a_reader_sees(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, "-c", PUBLISH_AND_HANG, str(tmp_path)],
        cwd=root,
        stdout=subprocess.PIPE,
        text=True,
    ) as publisher:
        assert publisher.stdout is not None
        half_written = Path(publisher.stdout.readline().strip())
        assert (half_written / MANIFEST_FILE).is_file()  # all is written, only the rename is not
        assert Repository(tmp_path).names() == []
        publisher.send_signal(signal.SIGKILL)
    assert half_written.is_dir()
    assert Repository(tmp_path).names() == []
    assert make_package(tmp_path).name == "1"
    assert Repository(tmp_path).versions("colours") == [1]
    assert left_in(tmp_path / "colours") == ["1"]  # what the killed one left is gone


def test_an_abandoned_folder_is_removed_after_a_day_and_a_fresh_one_kept(tmp_path: Path) -> None:
    folder = tmp_path / "colours"
    old, new = f".publishing-{'0' * 12}", f".publishing-{'1' * 12}"
    for name, age_s in ((old, DAY_S + 60), (new, DAY_S - 60)):
        (folder / name).mkdir(parents=True)
        (folder / name / "model.onnx").write_bytes(b"x")
        then = (folder / name).stat().st_mtime - age_s
        os.utime(folder / name, (then, then))
    publish_package(tmp_path, "colours", write_nothing)
    assert left_in(folder) == [new, "1"]


def test_concurrent_publishers_get_a_version_each(tmp_path: Path) -> None:
    together = threading.Barrier(4)
    first_try = threading.local()

    def write(folder: Path, version: int) -> None:
        write_nothing(folder, version)
        if not getattr(first_try, "done", False):
            first_try.done = True
            together.wait(timeout=60)  # all four hold the same version number now

    def publish(_: int) -> Path:
        return publish_package(tmp_path, "colours", write)

    with ThreadPoolExecutor(4) as pool:
        published = sorted(pool.map(publish, range(4)))

    assert [path.name for path in published] == ["1", "2", "3", "4"]
    # Each was written for the version that it became.
    assert [(path / "version.txt").read_text() for path in published] == ["1", "2", "3", "4"]
    assert left_in(tmp_path / "colours") == ["1", "2", "3", "4"]


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt()])
def test_a_writer_that_fails_leaves_nothing_behind(tmp_path: Path, error: BaseException) -> None:
    def write(folder: Path, version: int) -> None:
        write_nothing(folder, version)
        raise error

    with pytest.raises(type(error)):
        publish_package(tmp_path, "colours", write)
    assert left_in(tmp_path / "colours") == []


def test_a_full_disk_is_a_package_error_that_leaves_nothing_behind(tmp_path: Path) -> None:
    def write(folder: Path, version: int) -> None:
        write_nothing(folder, version)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(PackageError, match="No space left"):
        publish_package(tmp_path, "colours", write)
    assert left_in(tmp_path / "colours") == []


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    file = tmp_path / "models"
    file.write_text("a file where the folder should be")
    with pytest.raises(
        PackageError, match=r"cannot write to models folder '.*models'.*--models-dir"
    ):
        publish_package(file, "colours", write_nothing)


def test_a_forbidden_name_creates_nothing(tmp_path: Path) -> None:
    with pytest.raises(InvalidName):
        publish_package(tmp_path / "models", "../colours", write_nothing)
    assert left_in(tmp_path) == []
