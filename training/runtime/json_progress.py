"""The progress of a run for programs: one JSON object a line, by `--progress json`.

Every line has `event` and `time_s`, the seconds since the run began:

    {"event": "stage", "time_s": 3.1, "stage": "reading images", "done": 12, "of": 84, "seconds_left": 9.4}
    {"event": "message", "time_s": 3.2, "text": "split: 600 train, 120 val, 125 test"}
    {"event": "warning", "time_s": 3.2, "text": "skipping 'hat/1.jpg': …"}
    {"event": "validation", "time_s": 80.4, "step": 9, "train_loss": 0.4, "val_loss": 0.5, "val_accuracy": 1}
    {"event": "examples", "time_s": 80.5, "step": 9, "images": [
        {"path": "…/hat/1.jpg", "sha256": "9f…", "label": "hat", "guess": "cap"}, …]}
    {"event": "published", "time_s": 95.0, "folder": "models/garments/3"}
    {"event": "end", "time_s": 95.1, "exit_code": 0}

`of` and `seconds_left` are null while nobody can know them. A stage without a length has `done` 0 when it
begins and 1 when it ends. `examples` are a few validation images, first what the probe has wrong: step 0
is the probe, null the model that is published.
"""

import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from typing import IO, Any, Final

from training.runtime.progress import CurvePoint, Display, ExampleGuess

# Of one stage; its first and last line are always written.
_EVERY_S: Final = 0.5


class EventWriter:
    """Writes events as lines, each at once, so that a reader sees them as they happen.

    A reader that has gone, or a full disk, ends no training: what cannot be written is dropped.
    """

    def __init__(self, started: float, stream: IO[str] | None = None) -> None:
        self._started = started
        self._stream = stream or sys.stdout

    def write(self, event: str, **values: Any) -> None:
        """Write one event."""
        time_s = round(time.monotonic() - self._started, 2)
        line = json.dumps({"event": event, "time_s": time_s, **values}, ensure_ascii=False)
        printable = line.encode("utf-8", "replace").decode()
        with suppress(OSError, ValueError):
            self._stream.write(printable + "\n")
            self._stream.flush()


@dataclass(slots=True)
class _StageEvents:
    """The lines of one stage."""

    writer: EventWriter
    stage: str
    began_s: float
    written_s: float
    done: int = 0
    of: int | None = None
    first: int | None = None

    def saw(self, done: int, of: int | None) -> None:
        """Take in how far it is; write a line if the last one is a while ago."""
        if self.first is None:
            self.first, self.began_s = done, time.monotonic()
        self.done, self.of = done, of
        if time.monotonic() - self.written_s >= _EVERY_S:
            self.write()

    def write(self) -> None:
        """Write a line."""
        self.written_s = time.monotonic()
        self.writer.write(
            "stage", stage=self.stage, done=self.done, of=self.of, seconds_left=self._left_s()
        )

    def _left_s(self) -> float | None:
        seen = self.done - (self.first or 0)
        if self.of is None or seen <= 0:
            return None
        return round((time.monotonic() - self.began_s) / seen * max(0, self.of - self.done), 1)


@dataclass(frozen=True, slots=True)
class JsonDisplay(Display):
    """A display that writes events in place of what a person reads."""

    events: EventWriter | None = None

    @property
    def writer(self) -> EventWriter:
        """Where the events go."""
        assert self.events is not None
        return self.events

    @property
    def plain(self) -> bool:
        """Stages write what such lines would say."""
        return False

    def line(self, text: str) -> None:
        """Write a message."""
        self.writer.write("message", text=text.strip())

    def warning(self, text: str) -> None:
        """Write a warning."""
        self.writer.write("warning", text=text)

    def curve_point(self, point: CurvePoint) -> None:
        """Write a validation."""
        self.writer.write(
            "validation",
            step=point.step,
            train_loss=round(point.train_loss, 5),
            val_loss=round(point.val_loss, 5),
            val_accuracy=round(point.val_accuracy, 5),
        )

    def examples(self, step: int | None, guesses: Sequence[ExampleGuess]) -> None:
        """Write what a model takes a few validation images for."""
        self.writer.write("examples", step=step, images=[asdict(guess) for guess in guesses])

    @contextmanager
    def bar(self, title: str, total: int | None) -> Iterator[Callable[[int], None]]:
        """Write how far a stage is; yields a function to call with how much was done."""
        with self._timed(title) as stage:
            stage.saw(0, total)
            stage.write()
            yield lambda done: stage.saw(stage.done + done, total)
            stage.write()

    @contextmanager
    def training_bar(self) -> Iterator[Callable[[int, int, str], None]]:
        """Write how far training is; yields a function of (step, of how many, note)."""
        with self._timed("training") as stage:
            yield lambda step, total, note: stage.saw(step, total)
            stage.write()

    @contextmanager
    def stage(self, title: str) -> Iterator[None]:
        """Write that a stage begins, and that it has ended."""
        with self._timed(title) as stage:
            stage.saw(0, 1)
            stage.write()
            yield
            stage.saw(1, 1)
            stage.write()

    @contextmanager
    def _timed(self, title: str) -> Iterator[_StageEvents]:
        now_s = time.monotonic()
        yield _StageEvents(self.writer, title, began_s=now_s, written_s=0.0)
        self.on_stage(title, time.monotonic() - now_s)
