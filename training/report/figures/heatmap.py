"""The confusion matrix of many classes at a glance: one small square a cell, no figures."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from markupsafe import Markup

from training.runtime.arrays import Integers

_SIDE: Final = 340
# A single mistake among hundreds of images still has to be seen.
_FAINTEST: Final = 0.15


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
            max(shares[row, column], _FAINTEST),
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
