"""Runs of one name publish one after another."""

import io
import threading
from pathlib import Path

import pytest
from rich.console import Console

from training.run.publishing_turn import publishing_turn
from training.runtime.progress import Display

pytestmark = pytest.mark.training


class Said(io.StringIO):
    """What a display writes; `event` is set with the first of it."""

    def __init__(self) -> None:
        super().__init__()
        self.event = threading.Event()

    def write(self, text: str) -> int:
        self.event.set()
        return super().write(text)


def test_the_second_run_says_that_it_waits_and_comes_after_the_first(tmp_path: Path) -> None:
    said, order = Said(), []

    def second() -> None:
        with publishing_turn(tmp_path, "colours", Display(Console(file=said, width=200))):
            order.append("second")

    waiting = threading.Thread(target=second)
    with publishing_turn(tmp_path, "colours", Display(Console(quiet=True))):
        waiting.start()
        assert said.event.wait(30)
        order.append("first")
    waiting.join(30)
    assert order == ["first", "second"]
    assert "another run is publishing under the name 'colours'; waiting for it" in said.getvalue()
