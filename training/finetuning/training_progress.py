"""A run on the terminal: one live line, or a plain line now and then where there is no terminal."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from training.assessment.validation_record import ValidationRecord
from training.finetuning.loop import Hooks, StepReport
from training.runtime.progress import CurvePoint, Display

# A log that says nothing for longer looks like a run that hangs.
_PLAIN_EVERY_S: Final = 30.0


@dataclass(slots=True)
class _PlainLines:
    """What is printed off a terminal between validations."""

    display: Display
    part: str
    clock: Callable[[], float]
    said_s: float
    began_s: float
    first_step: int | None = None

    def saw(self, report: StepReport, note: str) -> None:
        """Print a line if the last one is a while ago."""
        now_s = self.clock()
        if self.first_step is None:
            self.first_step = report.step - 1
        if now_s - self.said_s < _PLAIN_EVERY_S:
            return
        step_s = (now_s - self.began_s) / (report.step - self.first_step)
        left = _minutes(step_s * (report.num_steps - report.step))
        part = f"{self.part}, " if self.part else ""
        self.display.line(f"  {part}step {report.step} of {report.num_steps}, {left} left: {note}")
        self.said_s = now_s


@contextmanager
def show_training(
    display: Display, clock: Callable[[], float] = time.monotonic, *, part: str = ""
) -> Iterator[Hooks]:
    """Yield hooks that show a run while the block lasts; `part` is which of several it is."""
    known, step = "", 0
    plain = _PlainLines(display, part, clock, said_s=clock(), began_s=clock())
    with display.training_bar() as update:

        def on_step(report: StepReport) -> None:
            nonlocal step
            step = report.step
            note = (
                f"loss {report.loss:.3f}  lr {report.learning_rate:.1e}  "
                f"{report.images_per_s:.0f} images/s{known}"
            )
            update(report.step, report.num_steps, f"{part}  {note}" if part else note)
            if display.plain:
                plain.saw(report, note)

        def on_validation(record: ValidationRecord) -> None:
            nonlocal known
            known = f"  validation {100 * record.val_accuracy:.1f} %"
            display.curve_point(
                CurvePoint(
                    step=step,
                    seconds=record.seconds,
                    train_loss=record.train_loss,
                    val_loss=record.val_loss,
                    val_accuracy=record.val_accuracy,
                )
            )
            plain.said_s = clock()

        yield Hooks(on_step=on_step, on_validation=on_validation, on_note=display.warning)


def _minutes(seconds: float) -> str:
    """Return a time as 3:07, or 1:03:07."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
