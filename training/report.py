"""The report: one self-contained HTML page that tells a person how good the model is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jinja2
import numpy as np
import numpy.typing as npt

from inference.manifest import Manifest, SplitMetrics
from training.audit.result import Finding
from training.loop import EpochRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What the page shows beyond the manifest.

    `confusion`: (K, K) counts on the split that is reported, rows are true classes. `left_out`: path
    and reason of each file that was set aside. `findings`: what the audit says of the folder.
    """

    confusion: npt.NDArray[np.int64]
    history: Sequence[EpochRecord]
    tried: Sequence[str]
    left_out: Sequence[tuple[str, str]]
    findings: Sequence[Finding]


def render_report(report: Report, manifest: Manifest) -> str:
    """Return the page as HTML. Labels and file names are escaped."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("training", "templates"), autoescape=True
    )
    split, metrics = _reported(manifest)
    largest = max(c.images for c in metrics.per_class.values()) / metrics.images
    return environment.get_template("report.html.j2").render(
        manifest=manifest,
        split=split,
        metrics=metrics,
        guessing=largest,
        rows=_confusion_rows(report.confusion, manifest.labels),
        history=report.history,
        tried=report.tried,
        left_out=report.left_out,
        findings=report.findings,
    )


def _reported(manifest: Manifest) -> tuple[str, SplitMetrics]:
    if manifest.metrics.test is not None:
        return "test", manifest.metrics.test
    return "validation", manifest.metrics.val


def _confusion_rows(counts: npt.NDArray[np.int64], labels: Sequence[str]) -> list[dict[str, Any]]:
    """Return for each true class its cells, with a shade of 0..1 by the share of the row."""
    rows = []
    for i, label in enumerate(labels):
        total = max(int(counts[i].sum()), 1)
        cells = [
            {"count": int(n), "shade": round(float(n) / total, 3), "right": i == j}
            for j, n in enumerate(counts[i])
        ]
        rows.append({"label": label, "cells": cells})
    return rows
