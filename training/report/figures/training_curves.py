"""How training went: loss and accuracy, epoch by epoch."""

from collections.abc import Sequence

from markupsafe import Markup

from training.assessment.validation_record import ValidationRecord
from training.report.figures.plot import Axis, Plot, number_axis, percent_axis


def draw_losses(history: Sequence[ValidationRecord]) -> Markup:
    """Return the loss on training and on validation images after each epoch."""
    train = [(float(e.epoch), e.train_loss) for e in history]
    val = [(float(e.epoch), e.val_loss) for e in history]
    plot = Plot(
        x=_epoch_axis(history), y=number_axis("loss (nats)", max(y for _, y in (*train, *val)))
    )
    marks = [
        plot.line(train, "training"),
        plot.line(val, "answer"),
        *(plot.dot(p, "training", note=f"training loss {p[1]:.3f}") for p in train),
        *(plot.dot(p, "answer", note=f"validation loss {p[1]:.3f}") for p in val),
    ]
    last = history[-1]
    return plot.draw(
        marks,
        description=f"Loss by epoch; after the last, training {last.train_loss:.3f} and validation "
        f"{last.val_loss:.3f}",
    )


def draw_accuracies(history: Sequence[ValidationRecord]) -> Markup:
    """Return the share of validation images that is right after each epoch."""
    points = [(float(e.epoch), e.val_accuracy) for e in history]
    low = min(int(min(y for _, y in points) * 10), 9) / 10
    plot = Plot(x=_epoch_axis(history), y=percent_axis("validation images right", low))
    marks = [
        plot.line(points, "answer"),
        *(plot.dot(p, "answer", note=f"epoch {p[0]:.0f}: {100 * p[1]:.1f} %") for p in points),
    ]
    return plot.draw(
        marks,
        description=f"Validation accuracy by epoch, {100 * points[-1][1]:.1f} % after the last",
    )


def _epoch_axis(history: Sequence[ValidationRecord]) -> Axis:
    first, last = history[0].epoch, history[-1].epoch
    step = max((last - first) // 6, 1)
    ticks = [(float(epoch), str(epoch)) for epoch in range(first, last + 1, step)]
    # A single epoch stands in the middle.
    margin = 0.0 if last > first else 1.0
    return Axis(title="epoch", low=first - margin, high=last + margin, ticks=ticks)
