"""The confusion matrix: a table of counts for few classes, for many a small shaded square a cell."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from markupsafe import Markup

from training.runtime.arrays import Integers

# Above this many classes a matrix of figures is too large to read.
MATRIX_CLASSES: Final = 20
# Figures have to stay readable on the darkest cell; one mistake among many has to be seen.
_PALEST: Final = 0.15
_DARKEST: Final = 0.75
_SIDE: Final = 340


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixCell:
    """`shade`: 0..1, how dark (not used where `count` is 0); `note`: the same in words."""

    count: int
    shade: float
    right: bool
    note: str


def matrix_cells(counts: Integers, labels: Sequence[str]) -> dict[str, list[MatrixCell]]:
    """Return a cell for each pair of classes, by true class, from counts (K, K) whose rows are those."""
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    return {
        truth: [
            MatrixCell(
                count=int(counts[i, j]),
                shade=round(_PALEST + float(shares[i, j]) * (_DARKEST - _PALEST), 3),
                right=i == j,
                note=f"{truth} answered as {answer}: {counts[i, j]}",
            )
            for j, answer in enumerate(labels)
        ]
        for i, truth in enumerate(labels)
    }


def draw_heatmap(counts: Integers, labels: Sequence[str]) -> Markup:
    """Return counts (K, K), rows the true classes, each cell shaded by its share of the row."""
    cell = _SIDE / len(labels)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    cells = Markup("").join(
        Markup(
            '<rect class="{}" x="{:.2f}" y="{:.2f}" width="{:.2f}" height="{:.2f}" '
            'fill-opacity="{:.2f}"><title>{}</title></rect>'
        ).format(
            "right" if row == column else "wrong",
            column * cell,
            row * cell,
            cell,
            cell,
            max(shares[row, column], _PALEST),
            f"{labels[row]} answered as {labels[column]}: {counts[row, column]}",
        )
        for row, column in zip(*(axis.tolist() for axis in np.nonzero(counts)), strict=True)
    )
    return Markup(
        '<svg class="heatmap" viewBox="-1 -1 {0} {0}" role="img" aria-label="{1}">'
        '<rect class="frame" x="0" y="0" width="{2}" height="{2}"/>{3}</svg>'
    ).format(
        _SIDE + 2,
        f"Confusion matrix of {len(labels)} classes; the list beside it names the most confused",
        _SIDE,
        cells,
    )
