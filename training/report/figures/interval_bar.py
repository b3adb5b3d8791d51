"""A share as a bar, with the interval that it lies in as a thin line over its end."""

from typing import Final

from markupsafe import Markup

from training.assessment.intervals import Interval

_WIDTH: Final = 120
_HEIGHT: Final = 14


def draw_interval_bar(
    share: float, interval: Interval | None, *, mark: float | None = None, note: str
) -> Markup:
    """Return a bar from 0 to `share` (0..1); `mark` is a share to compare with, a dashed line.

    `note` says the same in words; without an interval there was nothing to count, and no bar.
    """
    parts = [Markup('<rect class="track" x="0" y="3" width="{}" height="8"/>').format(_WIDTH)]
    if interval is not None:
        low, high = (_WIDTH * bound for bound in interval)
        parts.append(
            Markup(
                '<rect class="bar" x="0" y="3" width="{:.1f}" height="8"/>'
                '<path class="interval" d="M{:.1f} 7H{:.1f}M{:.1f} 4V10M{:.1f} 4V10"/>'
            ).format(_WIDTH * share, low, high, low, high)
        )
    if mark is not None:
        parts.append(Markup('<path class="mark" d="M{0:.1f} 0V14"/>').format(_WIDTH * mark))
    return Markup(
        '<svg class="interval-bar" viewBox="-1 0 {} {}" preserveAspectRatio="none" role="img" '
        'aria-label="{}">{}</svg>'
    ).format(_WIDTH + 2, _HEIGHT, note, Markup("").join(parts))
