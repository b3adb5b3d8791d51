"""A run on the terminal: one live line, or a plain line now and then where there is no terminal."""

from collections.abc import Iterator
from contextlib import contextmanager

from training.finetuning.loop import EpochRecord, Hooks, StepReport
from training.progress import Display


@contextmanager
def show_training(display: Display) -> Iterator[Hooks]:
    """Yield hooks that show a run while the block lasts."""
    known = ""
    with display.training_bar() as update:

        def on_step(report: StepReport) -> None:
            note = (
                f"loss {report.loss:.3f}  rate {report.learning_rate:.1e}  "
                f"{report.images_per_s:.0f} images/s{known}"
            )
            update(report.step, report.num_steps, note)

        def on_record(record: EpochRecord) -> None:
            nonlocal known
            known = f"  validation {100 * record.val_accuracy:.1f} %"
            display.line(
                f"  {record.seconds:.0f} s: loss {record.train_loss:.3f}, validation loss "
                f"{record.val_loss:.3f}, {100 * record.val_accuracy:.1f} % right"
            )

        yield Hooks(on_step=on_step, on_record=on_record, on_note=display.warning)
