"""Work in the background yields to requests, and what it says comes through."""

import os
import sys
import threading

import pytest

from service.engine.background import run_in_background


def own_priority() -> int:
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


@pytest.mark.parametrize("time", ["first", "second"])
def test_work_runs_below_the_thread_that_waits_for_it(time: str) -> None:
    expected = min(19, own_priority() + 10) if sys.platform == "linux" else own_priority()
    before = own_priority()
    assert run_in_background(own_priority) == expected
    assert own_priority() == before


def test_what_work_raises_comes_to_who_waits() -> None:
    def fail() -> None:
        raise ValueError("this image")

    with pytest.raises(ValueError, match="this image"):
        run_in_background(fail)
