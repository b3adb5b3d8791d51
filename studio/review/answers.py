"""An answer of the person becomes a line of corrections."""

from collections.abc import Sequence

from studio.analysis.analysis_file import Analysis
from studio.errors import BadInput
from studio.projects.corrections import Correction

LEFT_OUT = ""


def as_corrections(
    analysis: Analysis, rows: Sequence[int], label: str, *, note: str
) -> list[Correction]:
    """Return the lines for an answer; the empty label leaves the images out.

    Raises:
        BadInput: no such class.
    """
    if label != LEFT_OUT and label not in analysis.labels:
        raise BadInput(f"there is no class {label[:80]!r}; make its folder first")
    found = []
    for row in rows:
        image = analysis.images[row]
        said = "left out" if label == LEFT_OUT else _what_was_said(analysis, row, label)
        found.append(
            Correction(
                file_name=image.path,
                sha256=image.sha256,
                label=label,
                note=f"{note}: {said}" if note else said,
            )
        )
    return found


def _what_was_said(analysis: Analysis, row: int, label: str) -> str:
    before = analysis.labels[analysis.images[row].label]
    return "confirmed" if label == before else f"was {before}"
