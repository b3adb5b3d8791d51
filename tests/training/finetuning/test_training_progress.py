"""What the person in front of a training run sees."""

import io
from collections.abc import Iterator

from rich.console import Console

from training.assessment.validation_record import ValidationRecord
from training.finetuning.loop import StepReport
from training.finetuning.training_progress import show_training
from training.runtime.progress import Display

RECORD = ValidationRecord(
    epoch=1, train_loss=0.5, val_loss=0.25, val_accuracy=0.875, learning_rate=1e-4, seconds=12.0
)


class Hand:
    """A clock that is turned by hand."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def report(step: int) -> StepReport:
    return StepReport(step=step, num_steps=400, loss=0.75, learning_rate=3e-4, images_per_s=64.0)


def lines_after(seconds_a_step: Iterator[float], *, terminal: bool = False) -> list[str]:
    """Return what a run prints whose steps take so long."""
    clock, stream = Hand(), io.StringIO()
    display = Display(Console(file=stream, force_terminal=terminal, width=200))
    with show_training(display, clock) as hooks:
        for step, seconds in enumerate(seconds_a_step, start=1):
            clock.now_s += seconds
            hooks.on_step(report(step))
    return stream.getvalue().splitlines()


def test_off_a_terminal_a_line_is_printed_every_half_minute() -> None:
    lines = lines_after(iter([1.0] * 95))
    assert [line.split(",")[0] for line in lines] == [
        f"  step {step} of 400" for step in (30, 60, 90)
    ]


def test_a_line_says_the_loss_the_rate_the_speed_and_the_time_left() -> None:
    (line,) = lines_after(iter([10.0] * 3))
    assert line == "  step 3 of 400, 1:06:10 left: loss 0.750  lr 3.0e-04  64 images/s"


def test_with_folds_a_line_says_which_of_them_the_steps_are_of() -> None:
    clock, stream = Hand(), io.StringIO()
    display = Display(Console(file=stream, width=200))
    with show_training(display, clock, part="fold 2 of at most 5") as hooks:
        clock.now_s += 40
        hooks.on_step(report(3))
    assert stream.getvalue().startswith("  fold 2 of at most 5, step 3 of 400, ")


def test_steps_that_take_minutes_are_each_told() -> None:
    assert len(lines_after(iter([200.0] * 3))) == 3


def test_a_look_at_the_validation_images_is_a_line_too_and_is_remembered() -> None:
    clock, stream = Hand(), io.StringIO()
    with show_training(Display(Console(file=stream, width=200)), clock) as hooks:
        clock.now_s += 29
        hooks.on_validation(RECORD)
        clock.now_s += 29
        hooks.on_step(report(1))
        assert len(stream.getvalue().splitlines()) == 1
        clock.now_s += 1
        hooks.on_step(report(2))
    looked, stepped = stream.getvalue().splitlines()
    assert looked == "  12 s: loss 0.500, validation loss 0.250, accuracy 87.5 %"
    assert stepped.endswith("64 images/s  validation 87.5 %")


def test_on_a_terminal_there_is_one_live_line_instead() -> None:
    printed = "\n".join(lines_after(iter([100.0] * 3), terminal=True))
    assert "loss 0.750" in printed
    assert "left" not in printed
