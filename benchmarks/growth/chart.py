"""The results as an SVG: seconds by stage and peak memory against images, both on logarithmic axes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from benchmarks.growth.results import Result
from benchmarks.growth.table import SHORT, cost_of, long_stages

_LINES: Final = 6
_MEMORY_LIMIT_MB: Final = 4000.0
_WIDTH, _HEIGHT = 400, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 60, 30, 34, 40
_LEGEND: Final = 20
_COLOURS: Final = ("#1f2328", "#2a7a4f", "#b35900", "#0969da", "#8250df", "#cf222e", "#6e7781")
_STYLE: Final = """
text{font:12px system-ui,sans-serif;fill:#1f2328}.title{font-weight:600}.end{text-anchor:end}
.middle{text-anchor:middle}.grid{stroke:#d0d7de}.limit{stroke:#cf222e;stroke-dasharray:5 4}
.line{fill:none;stroke-width:2}.ink{stroke:#1f2328}.inkdot{fill:#1f2328}
@media (prefers-color-scheme:dark){text{fill:#e6edf3}.grid{stroke:#3d444d}
.ink{stroke:#e6edf3}.inkdot{fill:#e6edf3}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """One line: its name, and a value for each size."""

    name: str
    values: Sequence[float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One plot, both axes logarithmic. `limit` is a line across it."""

    title: str
    images: Sequence[int]
    curves: Sequence[Curve]
    limit: float | None = None

    def draw(self, left: int) -> Markup:
        """Return the plot with its left edge there."""
        low, high = self._decades()
        marks = [_text("title", _LEFT, 16, self.title), *self._grid(low, high)]
        for number, curve in enumerate(self.curves):
            points = [
                (self._x(images), self._y(value, low, high))
                for images, value in zip(self.images, curve.values, strict=True)
                if value > 0
            ]
            marks.append(_line(points, number))
        if self.limit is not None:
            y = self._y(self.limit, low, high)
            marks.append(
                Markup('<line class="limit" x1="{}" x2="{}" y1="{:.1f}" y2="{:.1f}"/>').format(
                    _LEFT, _WIDTH - _RIGHT, y, y
                )
            )
        return Markup('<g transform="translate({} 0)">{}</g>').format(left, Markup("").join(marks))

    def _decades(self) -> tuple[int, int]:
        values = [v for curve in self.curves for v in curve.values if v > 0]
        values += [] if self.limit is None else [self.limit]
        low = math.floor(math.log10(max(min(values), 0.1)))
        return low, max(math.ceil(math.log10(max(values))), low + 1)

    def _x(self, images: float) -> float:
        first, last = math.log10(self.images[0]), math.log10(self.images[-1])
        share = (math.log10(images) - first) / max(last - first, 1e-9)
        return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)

    def _y(self, value: float, low: int, high: int) -> float:
        share = (math.log10(max(value, 10.0**low)) - low) / (high - low)
        return _HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM)

    def _grid(self, low: int, high: int) -> list[Markup]:
        marks = []
        for decade in range(low, high + 1):
            y = self._y(10.0**decade, low, high)
            marks += [
                Markup('<line class="grid" x1="{}" x2="{}" y1="{:.1f}" y2="{:.1f}"/>').format(
                    _LEFT, _WIDTH - _RIGHT, y, y
                ),
                _text("end", _LEFT - 6, y + 4, f"{10.0**decade:,g}"),
            ]
        marks += [
            _text("middle", self._x(images), _HEIGHT - _BOTTOM + 16, f"{images:,}")
            for images in self.images
        ]
        return [*marks, _text("middle", (_LEFT + _WIDTH) / 2, _HEIGHT - 6, "images")]


def draw(results: Sequence[Result]) -> str:
    """Return the chart as a file of its own, in the colours of the reader's light or dark theme."""
    kept = long_stages(results)
    largest = results[-1]
    by_cost = sorted(kept, key=lambda stage: -cost_of(largest, stage, kept).cpu_seconds)
    shown = by_cost[: _LINES - 1]
    seconds = [Curve(name="all", values=[result.cpu_seconds for result in results])]
    seconds += [
        Curve(name=stage, values=[cost_of(r, stage, shown).cpu_seconds for r in results])
        for stage in [*shown, SHORT]
    ]
    images = [result.images for result in results]
    panels = (
        Panel(title="seconds of all cores", images=images, curves=seconds),
        Panel(
            title="peak memory, MB (dashed: 4 GB)",
            images=images,
            curves=[Curve(name="all", values=[result.peak_mb for result in results])],
            limit=_MEMORY_LIMIT_MB,
        ),
    )
    drawn = Markup("").join(panel.draw(i * _WIDTH) for i, panel in enumerate(panels))
    legend = Markup("").join(
        _key(curve.name if curve.name != SHORT else "all other stages", number)
        for number, curve in enumerate(seconds)
    )
    height = _HEIGHT + _LEGEND * ((len(seconds) + 2) // 3) + 10
    return str(
        Markup(
            '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {} {}" role="img" aria-label="{}">'
            "<style>{}</style>{}{}</svg>\n"
        ).format(2 * _WIDTH, height, _in_words(results), Markup(_STYLE), drawn, legend)
    )


def _line(points: Sequence[tuple[float, float]], number: int) -> Markup:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dots = Markup("").join(
        Markup('<circle class="{}" cx="{:.1f}" cy="{:.1f}" r="3" fill="{}"/>').format(
            "" if number else "inkdot", x, y, _COLOURS[number]
        )
        for x, y in points
    )
    return (
        Markup('<polyline class="line {}" stroke="{}" points="{}"/>').format(
            "" if number else "ink", _COLOURS[number], path
        )
        + dots
    )


def _key(name: str, number: int) -> Markup:
    x, y = 12 + number % 3 * 262, _HEIGHT + 14 + number // 3 * _LEGEND
    return Markup('<rect class="{}" x="{}" y="{}" width="14" height="4" fill="{}"/>{}').format(
        "" if number else "inkdot", x, y - 5, _COLOURS[number], _text("", x + 20, y, name)
    )


def _text(style: str, x: float, y: float, words: str) -> Markup:
    return Markup('<text class="{}" x="{:.1f}" y="{:.1f}">{}</text>').format(style, x, y, words)


def _in_words(results: Sequence[Result]) -> str:
    return "; ".join(
        f"{r.images:,} images: {r.cpu_seconds:,.0f} seconds of all cores, {r.peak_mb:,.0f} MB"
        for r in results
    )
