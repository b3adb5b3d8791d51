"""The progress of a run on the terminal: lines that stay, and one live bar."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


def _ignore(title: str, seconds: float) -> None:
    """Do nothing: nobody asked for the times."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CurvePoint:
    """A validation while training: losses in nats, accuracy 0..1, seconds since training began."""

    step: int
    seconds: float
    train_loss: float
    val_loss: float
    val_accuracy: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ExampleGuess:
    """A validation image, and what a model takes it for. `path` is of the file, `sha256` of its bytes."""

    path: str
    sha256: str
    label: str
    guess: str


@dataclass(frozen=True, slots=True)
class Display:
    """Prints to one console. File names and labels are printed as they are, never as markup.

    `on_stage` is called with the title of every stage, and of every bar, and the seconds that it took.
    """

    console: Console
    on_stage: Callable[[str, float], None] = _ignore

    def line(self, text: str) -> None:
        """Print one line; control characters (of file names) become visible."""
        shown = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
        self.console.print(shown, markup=False, emoji=False, highlight=False, soft_wrap=True)

    def warning(self, text: str) -> None:
        """Print one line that is not to be overlooked."""
        self.line(f"warning: {text}")

    @property
    def plain(self) -> bool:
        """Whether lines now and then take the place of a live bar."""
        return not self.console.is_terminal

    def curve_point(self, point: CurvePoint) -> None:
        """Print a validation."""
        self.line(
            f"  {point.seconds:.0f} s: loss {point.train_loss:.3f}, validation loss "
            f"{point.val_loss:.3f}, accuracy {100 * point.val_accuracy:.1f} %"
        )

    def examples(self, step: int | None, guesses: Sequence[ExampleGuess]) -> None:
        """Show a few validation images; a terminal shows none."""

    @contextmanager
    def bar(self, title: str, total: int | None) -> Iterator[Callable[[int], None]]:
        """Show a bar while the block runs; yields a function to call with how much was done."""
        with self.stage(title), self._progress() as progress:
            task = progress.add_task(title, total=total, note="")
            yield lambda done: progress.update(task, advance=done)

    @contextmanager
    def training_bar(self) -> Iterator[Callable[[int, int, str], None]]:
        """Show a bar whose length may change; yields a function of (step, of how many, note)."""
        with self.stage("training"), self._progress() as progress:
            task = progress.add_task("training", total=None, note="")
            yield lambda step, total, note: progress.update(
                task, completed=step, total=total, note=note
            )

    @contextmanager
    def stage(self, title: str) -> Iterator[None]:
        """Time the block. Stages follow each other; they do not lie in one another."""
        started = time.monotonic()
        yield
        self.on_stage(title, time.monotonic() - started)

    def _progress(self) -> Progress:
        return Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}", markup=False),
            console=self.console,
            transient=True,
            # Off a terminal a bar would be printed as it ended, and say nothing.
            disable=not self.console.is_terminal,
        )
