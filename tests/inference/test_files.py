"""A file that is none is refused before it is read."""

import os
import resource
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from inference.aliases import ALIASES_FILE
from inference.classifier import Classifier
from inference.errors import PackageError
from inference.files import read_regular_file, regular_file_size
from inference.golden import check_golden
from inference.manifest import MANIFEST_FILE
from inference.package import EXPECTED_FILE, GOLDEN_FOLDER, read_package
from inference.repository import Repository
from inference.session import SessionConfig
from inference.traffic import TRAFFIC_FILE
from tests.builders import make_package
from tests.inference.hostile_files import HOSTILE, put_in_place

LIMIT = 1000
# What reading a hostile file of 300 MB would cost.
ROOM_KB = 100 * 2**10


def load_and_check(package: Path) -> None:
    classifier = Classifier.load(read_package(package), session=SessionConfig(provider="cpu"))
    check_golden(classifier, package)


@pytest.fixture(autouse=True)
def _nothing_blocks_or_fills_the_memory() -> Iterator[None]:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < ROOM_KB


def test_a_file_up_to_the_limit_is_read(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"x" * LIMIT)
    assert read_regular_file(tmp_path, "x", max_bytes=LIMIT) == b"x" * LIMIT
    assert regular_file_size(tmp_path, "x") == LIMIT
    with pytest.raises(PackageError, match="x has 1000 bytes, limit is 999"):
        read_regular_file(tmp_path, "x", max_bytes=LIMIT - 1)


def test_a_missing_file_is_missing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_regular_file(tmp_path, "x", max_bytes=LIMIT)


@pytest.mark.parametrize("kind", HOSTILE)
def test_what_is_no_file_is_refused(tmp_path: Path, kind: str) -> None:
    put_in_place(tmp_path / "x", kind)
    with pytest.raises(PackageError, match="link out" if kind == "a device" else f"^x .*{kind}"):
        read_regular_file(tmp_path, "x", max_bytes=LIMIT)


def test_a_pipe_that_takes_the_place_of_a_file_meanwhile_blocks_nobody(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    stop = threading.Event()

    def swap() -> None:
        while not stop.is_set():
            for content in ("file", "pipe"):
                (tmp_path / "next").unlink(missing_ok=True)
                if content == "file":
                    (tmp_path / "next").write_bytes(b"x")
                else:
                    (tmp_path / "next").hardlink_to(tmp_path / "pipe")
                (tmp_path / "next").replace(tmp_path / "x")

    swapper = threading.Thread(target=swap)
    (tmp_path / "x").write_bytes(b"x")
    swapper.start()
    kinds: set[bytes] = set()
    try:
        while len(kinds) < 2:
            try:
                kinds.add(read_regular_file(tmp_path, "x", max_bytes=LIMIT))
            except PackageError as err:
                kinds.add(str(err).encode())
    finally:
        stop.set()
        swapper.join()
    assert kinds == {b"x", b"x is a pipe, not a file; put the file in its place"}


@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.parametrize(
    "name",
    ["model.onnx", MANIFEST_FILE, f"{GOLDEN_FOLDER}/{EXPECTED_FILE}", f"{GOLDEN_FOLDER}/00.png"],
)
def test_no_file_of_a_package_may_be_something_else(tmp_path: Path, name: str, kind: str) -> None:
    package = make_package(tmp_path)
    put_in_place(package / name, kind)
    with pytest.raises(PackageError):
        load_and_check(package)


@pytest.mark.parametrize("kind", HOSTILE)
def test_aliases_and_traffic_may_not_be_something_else(tmp_path: Path, kind: str) -> None:
    package = make_package(tmp_path)
    repository = Repository(tmp_path)
    for name, read in ((ALIASES_FILE, repository.aliases), (TRAFFIC_FILE, repository.traffic)):
        put_in_place(package.parent / name, kind)
        with pytest.raises(PackageError, match=name):
            read("colours")
