"""The README's chart is that of the kept results."""

from pathlib import Path
from xml.etree import ElementTree

import pytest

from benchmarks.training.chart import IMAGE, RESULTS, draw, groups_of
from benchmarks.training.results import read_results

ROOT = Path(__file__).parent.parent.parent
pytestmark = pytest.mark.training


def test_the_chart_in_the_repository_is_drawn_from_the_results_in_the_repository() -> None:
    groups = groups_of(read_results(ROOT / RESULTS))
    assert (ROOT / IMAGE).read_text(encoding="utf-8") == draw(groups)


def test_the_readme_states_what_the_chart_shows() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for group in groups_of(read_results(ROOT / RESULTS)):
        row = next(
            line
            for line in readme.splitlines()
            if line.startswith(f"| {group.title.split(',')[0]}:")
        )
        assert row.endswith(
            " | ".join(["", *(f"{100 * bar.accuracy:.1f} %" for bar in group.bars), ""]).rstrip()
        )


def test_each_bar_is_as_long_as_its_accuracy() -> None:
    groups = groups_of(read_results(ROOT / RESULTS))
    image = ElementTree.fromstring(draw(groups))
    widths = [float(bar.attrib["width"]) for bar in image.iter("{http://www.w3.org/2000/svg}rect")]
    accuracies = [bar.accuracy for group in groups for bar in group.bars]
    assert [width / widths[0] for width in widths] == pytest.approx(
        [accuracy / accuracies[0] for accuracy in accuracies], abs=0.001
    )
