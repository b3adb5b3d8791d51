"""The chart of the README: test accuracy on three small data sets, beside other tools, as an SVG.

    python -m benchmarks.training.chart

It is drawn from the results that `table` and `against_peers` have kept, so it is drawn again after them.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Final

from markupsafe import Markup

from benchmarks.training.results import Result, read_results
from training.assessment.intervals import wilson

RESULTS: Final = Path("docs/benchmarks/training-2026-11.jsonl")
IMAGE: Final = Path("docs/images/results.svg")
WEIGHTS: Final = "EfficientNet-Lite0"
PEERS: Final = {"fastai": "fastai", "timm": "timm's recipe", "torchvision": "torchvision's recipe"}
MINUTES: Final = 15.0

WIDTH, LEFT, RIGHT, TOP = 760, 230, 60, 34
BAR, GAP, BETWEEN = 18, 4, 22
STYLE: Final = """
text{font:13px system-ui,sans-serif;fill:#1f2328}.data{font-weight:600}.end{text-anchor:end}
.grid{stroke:#d0d7de}.interval{stroke:#1f2328;stroke-width:1.5}
.probe{fill:#8fc3a5}.finetuned{fill:#2a7a4f}.other{fill:#afb8c1}
@media (prefers-color-scheme:dark){text{fill:#e6edf3}.grid{stroke:#3d444d}.interval{stroke:#e6edf3}
.probe{fill:#2f6f4b}.finetuned{fill:#57c08a}.other{fill:#656c76}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One bar: what it is of, a class of the style, and an accuracy with its 95 % interval, 0..1."""

    name: str
    style: str
    accuracy: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A data set with its bars."""

    title: str
    bars: Sequence[Bar]


def groups_of(results: Sequence[Result]) -> list[Group]:
    """Return a group for each data set: the means of the first three seeds' runs."""
    return [
        Group(
            title=f"{data}, {about}",
            bars=(
                _bar("Graft, about a minute", "probe", _of(results, data, "probe", None)),
                _bar("Graft, 15 minutes", "finetuned", _of(results, data, "finetune", MINUTES)),
                _best_other(results, data),
            ),
        )
        for data, about in (
            ("clothing", "600 images"),
            ("cifar10", "2,000 images"),
            ("members", "35 images"),
        )
    ]


def draw(groups: Sequence[Group]) -> str:
    """Return the chart as a file of its own, in the colours of the reader's light or dark theme."""
    rows: list[Markup] = []
    y = TOP
    for group in groups:
        rows.append(_text("data", 0, y + 12, group.title))
        y += BETWEEN
        for bar in group.bars:
            rows.append(_row(bar, y))
            y += BAR + GAP
        y += BETWEEN - GAP
    svg = Markup(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {} {}" role="img" aria-label="{}">'
        "<style>{}</style>{}{}</svg>\n"
    )
    return str(
        svg.format(WIDTH, y, _in_words(groups), Markup(STYLE), _grid(y), Markup("").join(rows))
    )


def _of(results: Sequence[Result], data: str, method: str, minutes: float | None) -> list[Result]:
    """Return the results of one method on one data set, for the seeds that all of them have."""
    wanted = (data, WEIGHTS, method, minutes)
    return [r for r in results if r.trial.key[:4] == wanted and r.trial.seed < 3 and r.images]


def _best_other(results: Sequence[Result], data: str) -> Bar:
    bars = [
        _bar(f"{name}, 15 minutes", "other", found)
        for peer, name in PEERS.items()
        if (found := _of(results, data, peer, MINUTES))
    ]
    return max(bars, key=lambda bar: bar.accuracy)


def _bar(name: str, style: str, results: Sequence[Result]) -> Bar:
    """Return the mean over seeds; its interval is of one seed's images, for seeds share theirs."""
    accuracy = fmean((result.right or 0) / result.images for result in results)
    images = round(fmean(result.images for result in results))
    low, high = wilson(round(accuracy * images), images) or (0.0, 1.0)
    return Bar(name=name, style=style, accuracy=accuracy, low=low, high=high)


def _row(bar: Bar, y: int) -> Markup:
    middle = y + BAR / 2
    return Markup(
        '{}<rect class="{}" x="{}" y="{}" width="{:.1f}" height="{}" rx="2"/>'
        '<line class="interval" x1="{:.1f}" x2="{:.1f}" y1="{}" y2="{}"/>{}'
    ).format(
        _text("end", LEFT - 8, y + 13, bar.name),
        *(bar.style, LEFT, y, _x(bar.accuracy) - LEFT, BAR),
        *(_x(bar.low), _x(bar.high), middle, middle),
        _text("end", WIDTH, y + 13, f"{100 * bar.accuracy:.1f} %"),
    )


def _grid(height: int) -> Markup:
    return Markup("").join(
        Markup('<line class="grid" x1="{0:.1f}" x2="{0:.1f}" y1="20" y2="{1}"/>{2}').format(
            _x(share),
            height - BETWEEN,
            _text("end", round(_x(share)) + 14, 13, f"{100 * share:.0f} %"),
        )
        for share in (0.0, 0.25, 0.5, 0.75, 1.0)
    )


def _x(share: float) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * share


def _text(style: str, x: int, y: int, words: str) -> Markup:
    return Markup('<text class="{}" x="{}" y="{}">{}</text>').format(style, x, y, words)


def _in_words(groups: Sequence[Group]) -> str:
    return "; ".join(
        f"{group.title}: "
        + ", ".join(f"{bar.name} {100 * bar.accuracy:.1f} %" for bar in group.bars)
        for group in groups
    )


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--out", type=Path, default=IMAGE)
    args = parser.parse_args()
    args.out.write_text(draw(groups_of(read_results(args.results))), encoding="utf-8")


if __name__ == "__main__":
    main()
