"""What stays in memory costs no collection; what comes and goes is still collected."""

import gc
import weakref
from collections.abc import Iterator

import pytest

from service.repository.process_memory import freeze_garbage_collector, give_back_freed_memory


class Node:
    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def _thawed() -> Iterator[None]:
    gc.unfreeze()  # what tests/conftest.py froze
    yield
    gc.unfreeze()
    freeze_garbage_collector()


def test_objects_that_are_there_are_left_out_of_collections() -> None:
    freeze_garbage_collector()
    assert gc.get_freeze_count() > len(gc.get_objects())


def test_later_objects_are_collected() -> None:
    freeze_garbage_collector()
    gone = weakref.ref(Node())
    give_back_freed_memory()
    assert gone() is None
