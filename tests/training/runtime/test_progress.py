"""What the person in front of a run sees."""

import dataclasses
import io

import pytest
from rich.console import Console

from training.runtime.progress import Display
from training.runtime.stage_durations import StageDurations

pytestmark = pytest.mark.training


def display(*, terminal: bool) -> tuple[Display, io.StringIO]:
    """Return a display and what it prints to."""
    stream = io.StringIO()
    return Display(Console(file=stream, force_terminal=terminal, width=60)), stream


def test_names_are_printed_as_they_are_and_never_as_markup() -> None:
    shown, stream = display(terminal=False)
    shown.warning("skipping '[red]제니[/] 🐈.png': :smile: image is empty")
    assert stream.getvalue() == "warning: skipping '[red]제니[/] 🐈.png': :smile: image is empty\n"


def test_a_file_name_cannot_steer_the_terminal() -> None:
    """Escape sequences and line breaks in names are made visible."""
    shown, stream = display(terminal=True)
    shown.line("a\x1b[2Jb\nc\rd")
    assert stream.getvalue() == "a\N{REPLACEMENT CHARACTER}[2Jb" + "\N{REPLACEMENT CHARACTER}c" + (
        "\N{REPLACEMENT CHARACTER}d\n"
    )


def test_a_long_line_stays_one_line() -> None:
    """Off a terminal others read it, line by line."""
    shown, stream = display(terminal=False)
    shown.line("x" * 500)
    assert stream.getvalue() == "x" * 500 + "\n"


def test_bars_are_for_terminals_only() -> None:
    for terminal in (True, False):
        shown, stream = display(terminal=terminal)
        with shown.bar("reading images", 4) as advance:
            advance(4)
        with shown.training_bar() as update:
            update(3, 8, "loss [1.0]")
        assert ("reading images" in stream.getvalue()) == terminal
        assert ("loss [1.0]" in stream.getvalue()) == terminal
        if not terminal:
            assert stream.getvalue() == ""


def test_what_a_bar_was_shown_for_is_timed_and_added_up() -> None:
    times = StageDurations()
    shown = dataclasses.replace(display(terminal=False)[0], on_stage=times.add)
    for _ in range(2):
        with shown.bar("reading images", 4):
            pass
    first = times.seconds["reading images"]
    with shown.bar("reading images", 4):
        pass
    with shown.training_bar():
        pass
    assert list(times.seconds) == ["reading images", "training"]
    assert times.seconds["reading images"] > first > 0
