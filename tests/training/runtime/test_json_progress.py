"""Progress as lines of JSON."""

import io
import json
import time
from typing import Any

import pytest
from rich.console import Console

from training.runtime.json_progress import EventWriter, JsonDisplay
from training.runtime.progress import CurvePoint

pytestmark = pytest.mark.training


def written(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def display(stream: io.StringIO) -> JsonDisplay:
    return JsonDisplay(Console(quiet=True), events=EventWriter(time.monotonic(), stream))


def test_a_stage_says_how_far_it_is_and_ends_at_its_length() -> None:
    stream = io.StringIO()
    with display(stream).bar("reading images", 300) as advance:
        for _ in range(300):
            advance(1)
    events = written(stream)
    assert [(e["stage"], e["of"]) for e in events] == [("reading images", 300)] * len(events)
    assert (events[0]["done"], events[0]["seconds_left"]) == (0, None)
    assert (events[-1]["done"], events[-1]["seconds_left"]) == (300, 0)
    assert len(events) < 50  # not a line an image


def test_every_line_is_json_whatever_a_file_is_called() -> None:
    stream = io.StringIO()
    shown = display(stream)
    shown.warning("skipping 'a\nb\udcff\u202e.jpg'")
    shown.line("  사진 ")
    shown.curve_point(
        CurvePoint(step=7, seconds=1.0, train_loss=0.5, val_loss=0.25, val_accuracy=0.75)
    )
    warning, message, point = written(stream)
    assert (warning["event"], message["text"]) == ("warning", "사진")
    assert (point["event"], point["step"], point["val_accuracy"]) == ("validation", 7, 0.75)


def test_a_reader_that_has_gone_stops_no_training() -> None:
    stream = io.StringIO()
    shown = display(stream)
    stream.close()
    with shown.stage("exporting"):
        shown.line("text")
