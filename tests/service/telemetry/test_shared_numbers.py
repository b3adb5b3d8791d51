"""Numbers in files of which every byte is there, on a disk that has room and on one that has none."""

import os
import resource
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from prometheus_client.mmap_dict import MmapedDict

from service.telemetry.shared_numbers import AllocatedNumbers

NumbersFactory = Callable[[Path], AllocatedNumbers]
KEYS = [f"number-{index:05}-{'x' * 200}" for index in range(3000)]  # more than one doubling


@contextmanager
def no_file_above(num_bytes: int) -> Iterator[None]:
    """What a full disk is to this process."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def shared(path: Path) -> dict[str, float]:
    """Return what other processes see."""
    found = MmapedDict.read_all_values_from_file(str(path))  # type: ignore[no-untyped-call]
    return {key.strip(): value for key, value, *_ in found}


@pytest.fixture
def make_numbers() -> Iterator[NumbersFactory]:
    with ExitStack() as made:

        def make(path: Path) -> AllocatedNumbers:
            numbers = AllocatedNumbers(str(path))
            made.callback(numbers.close)
            return numbers

        yield make


def count(numbers: AllocatedNumbers, keys: list[str], by: float) -> None:
    for key in keys:
        value, _ = numbers.read_value(key)  # type: ignore[no-untyped-call]
        numbers.write_value(key, value + by, 0.0)  # type: ignore[no-untyped-call]


def test_numbers_are_shared_and_no_byte_of_the_file_is_a_hole(
    tmp_path: Path, make_numbers: NumbersFactory
) -> None:
    path = tmp_path / "counter_1.db"
    numbers = make_numbers(path)
    count(numbers, KEYS, 2.0)
    assert shared(path) == dict.fromkeys(KEYS, 2.0)
    found = os.stat(path)
    assert found.st_blocks * 512 >= found.st_size


def test_without_room_for_a_file_they_are_counted_all_the_same(
    tmp_path: Path, make_numbers: NumbersFactory, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "counter_1.db"
    with no_file_above(0):
        numbers = make_numbers(path)
        count(numbers, KEYS, 1.0)
        count(numbers, KEYS, 1.0)
    found = [numbers.read_value(key)[0] for key in KEYS]  # type: ignore[no-untyped-call]
    assert found == [2.0] * len(KEYS)
    assert not path.exists()
    assert "metrics_not_shared" in caplog.text


def test_a_file_that_cannot_grow_is_shared_again_when_it_can(
    tmp_path: Path, make_numbers: NumbersFactory
) -> None:
    path = tmp_path / "counter_1.db"
    numbers = make_numbers(path)
    with no_file_above(300 * 2**10):
        count(numbers, KEYS[:1500], 1.0)  # beyond the first size
    seen = len(shared(path))
    assert 0 < seen < 1500
    count(numbers, KEYS, 1.0)  # beyond the second
    assert shared(path) == {**dict.fromkeys(KEYS, 1.0), **dict.fromkeys(KEYS[:1500], 2.0)}
