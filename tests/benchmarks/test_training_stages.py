"""The table of a run's stages, read from its report."""

import pytest

from benchmarks.training.stages import as_table, ratio, read_stages

pytestmark = pytest.mark.training

REPORT = """<table><tbody><tr><th scope="row">red</th><td>5</td></tr></tbody></table>
<table class="times"><tbody><tr><th scope="row">reading images</th><td>1.5</td></tr>
<tr><th scope="row">computing features</th><td>2.5</td></tr>
<tr><th scope="row">everything else</th><td>4.0</td></tr></tbody>
<tfoot><tr><th scope="row">together</th><td>8.0</td></tr></tfoot></table>
<table><tbody><tr><th scope="row">blue</th><td>6</td></tr></tbody></table>"""


def test_the_stages_of_a_report_are_read_and_what_cannot_be_saved_is_what_the_ratio_is_of() -> None:
    stages = read_stages(REPORT)
    assert list(stages) == ["reading images", "computing features", "everything else", "together"]
    assert ratio(stages) == 2


def test_a_stage_that_a_run_lacks_is_left_blank() -> None:
    without = {"reading images": 1.0, "together": 2.0}
    lines = as_table({"first": read_stages(REPORT), "second": without}).splitlines()
    assert lines[0] == "| seconds | first | second |"
    assert "| computing features | 2.5 |  |" in lines
    assert lines[-2:] == ["| together | 8.0 | 2.0 |", "| ratio | 2.00 | 2.00 |"]
