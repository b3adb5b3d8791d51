"""Axes, and marks placed on them, as SVG.

Whatever text comes in is escaped: `Markup.format` does that for all that is not markup itself.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

# About the width of a phone, so that letters keep their size there.
WIDTH: Final = 340
HEIGHT: Final = 250
_LEFT, _RIGHT, _TOP, _BOTTOM = 50, 16, 10, 40

Point = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """One direction: its title, its range, and what is written where."""

    title: str
    low: float
    high: float
    ticks: Sequence[tuple[float, str]]

    def share(self, value: float) -> float:
        """Return where a value lies, 0..1; what is outside the range is put at its end."""
        return min(max((value - self.low) / (self.high - self.low), 0.0), 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """A pair of axes. Marks are made by its methods and drawn by `draw`."""

    x: Axis
    y: Axis

    def draw(self, marks: Iterable[Markup], *, description: str) -> Markup:
        """Return the figure; `description` is read aloud to who cannot see it."""
        return Markup(
            '<svg class="plot" viewBox="0 0 {} {}" role="img" aria-label="{}">{}{}{}</svg>'
        ).format(WIDTH, HEIGHT, description, self._x_axis(), self._y_axis(), Markup("").join(marks))

    def line(self, points: Sequence[Point], kind: str) -> Markup:
        """Return a line through points, styled by the class `kind`."""
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in map(self._place, points))
        return Markup('<polyline class="line {}" points="{}"/>').format(kind, path)

    def dot(self, point: Point, kind: str, *, note: str) -> Markup:
        """Return a dot with a note that shows when pointed at."""
        x, y = self._place(point)
        return Markup(
            '<circle class="dot {}" cx="{:.1f}" cy="{:.1f}" r="3.5"><title>{}</title></circle>'
        ).format(kind, x, y, note)

    def label(self, point: Point, text: str, kind: str) -> Markup:
        """Return text that ends at a point, a little above it."""
        x, y = self._place(point)
        return Markup('<text class="{}" x="{:.1f}" y="{:.1f}" text-anchor="end">{}</text>').format(
            kind, x, max(y - 7, _TOP + 9), text
        )

    def _place(self, point: Point) -> Point:
        x, y = point
        across, down = WIDTH - _LEFT - _RIGHT, HEIGHT - _TOP - _BOTTOM
        return _LEFT + across * self.x.share(x), _TOP + down * (1 - self.y.share(y))

    def _x_axis(self) -> Markup:
        ticks = Markup("").join(
            Markup('<text x="{:.1f}" y="{}" text-anchor="middle">{}</text>').format(
                self._place((value, self.y.low))[0], HEIGHT - _BOTTOM + 15, text
            )
            for value, text in self.x.ticks
        )
        title = Markup('<text x="{}" y="{}" text-anchor="middle">{}</text>').format(
            (WIDTH + _LEFT - _RIGHT) / 2, HEIGHT - 6, self.x.title
        )
        return ticks + title

    def _y_axis(self) -> Markup:
        """Return the values on the left, each with a line across the plot, and the title."""
        ticks = Markup("").join(
            Markup(
                '<line class="grid" x1="{}" x2="{}" y1="{:.1f}" y2="{:.1f}"/>'
                '<text x="{}" y="{:.1f}" text-anchor="end">{}</text>'
            ).format(_LEFT, WIDTH - _RIGHT, y, y, _LEFT - 5, y + 4, text)
            for y, text in (
                (self._place((self.x.low, value))[1], text) for value, text in self.y.ticks
            )
        )
        middle = (HEIGHT + _TOP - _BOTTOM) / 2
        title = Markup(
            '<text transform="translate(9 {}) rotate(-90)" text-anchor="middle">{}</text>'
        ).format(middle, self.y.title)
        return ticks + title


def percent_axis(title: str, low: float = 0.0, high: float = 1.0) -> Axis:
    """Return an axis of shares that is labelled in percent, about five times."""
    step = next(s for s in (0.01, 0.02, 0.05, 0.1, 0.2) if (high - low) / s <= 6)
    first, last = round(low / step), round(high / step)
    ticks = [(i * step, f"{100 * i * step:.0f} %") for i in range(first, last + 1)]
    return Axis(title=title, low=low, high=high, ticks=ticks)


def number_axis(title: str, high: float) -> Axis:
    """Return an axis from 0 to a round number of at least `high`, with at most five steps."""
    decade = 10.0 ** math.floor(math.log10(max(high, 0.01)))
    step = next(s for s in (0.2 * decade, 0.5 * decade, decade, 2 * decade) if 5 * s >= high)
    count = max(math.ceil(high / step), 1)
    ticks = [(i * step, f"{i * step:g}") for i in range(count + 1)]
    return Axis(title=title, low=0.0, high=count * step, ticks=ticks)
