"""Recall and precision, counted by hand."""

import pytest

from benchmarks.planting import Fault, Truth
from benchmarks.reports import Judged, Report, score_report, table, unplanted_pairs

pytestmark = pytest.mark.training

NOBODY = Judged(same=frozenset(), different=frozenset())


def truth(*faults: tuple[str, str, str]) -> Truth:
    """Return a truth of (kind, path, source)."""
    return Truth(
        seed=0, share=0.05, faults=tuple(Fault(kind=k, path=p, source=s) for k, p, s in faults)
    )


def report(**columns: tuple[object, ...]) -> Report:
    """Return a report with nothing in the columns not given."""
    names = ("quarantined", "exact", "near", "leakage", "suspects")
    return Report(**{name: columns.get(name, ()) for name in names})  # type: ignore[arg-type]


CROPS = truth(("crop_80", "a-crop", "a"), ("crop_80", "b-crop", "b"), ("mirrored", "c-turned", "c"))


def test_found_pairs_count_for_their_kind_and_wrong_ones_for_all() -> None:
    found = report(near=(("a", "a-crop"), ("b", "d")))
    scores = score_report(found, CROPS, NOBODY)
    crops, mirrored = scores["crop_80"], scores["mirrored"]
    assert crops is not None
    assert mirrored is not None
    assert (crops.recall, crops.precision, crops.missed) == (0.5, 0.5, ("b-crop",))
    assert (mirrored.recall, mirrored.precision) == (0.0, 0.5)


def test_every_pair_of_a_group_is_judged() -> None:
    """Three files of one photo and a stranger: three pairs right, three wrong."""
    two_copies = truth(("crop_80", "a-crop", "a"), ("mirrored", "a-turned", "a"))
    found = report(near=(("a", "a-crop", "a-turned", "z"),))
    score = score_report(found, two_copies, NOBODY)["all_near"]
    assert score is not None
    assert (score.right, score.wrong, score.recall) == (3, 3, 1.0)


def test_pairs_that_a_person_called_one_photo_count_neither_way() -> None:
    found = report(near=(("a", "a-crop"), ("d", "e")))
    judged = Judged(same=frozenset({("d", "e")}), different=frozenset())
    score = score_report(found, CROPS, judged)["crop_80"]
    assert score is not None
    assert (score.right, score.wrong) == (1, 0)
    assert unplanted_pairs(found.near, CROPS) == [("d", "e")]


def test_precision_at_n_looks_at_as_many_as_were_swapped() -> None:
    swapped = truth(*(("swapped_label", f"s{n}", f"was{n}") for n in range(4)))
    found = report(suspects=("s0", "x", "s1", "y", "s2"))
    score = score_report(found, swapped, NOBODY)["swapped_label"]
    assert score is not None
    assert score.ranked == 0.5
    assert (score.recall, score.precision) == (0.75, 0.6)


def test_a_check_that_a_tool_lacks_has_no_score_and_one_without_findings_no_precision() -> None:
    lacking = Report(quarantined=None, exact=(), near=(), leakage=None, suspects=None)
    scores = score_report(lacking, truth(("truncated", "t", "t"), ("crop_80", "c", "a")), NOBODY)
    assert scores["truncated"] is None
    crops = scores["crop_80"]
    assert crops is not None
    assert (crops.recall, crops.precision) == (0.0, None)


def test_the_table_has_a_row_for_each_kind() -> None:
    swapped = truth(("swapped_label", "s", "was"), ("crop_80", "a-crop", "a"))
    found = report(near=(("a", "a-crop"),), suspects=("s",))
    text = table({"ours": score_report(found, swapped, NOBODY)})
    assert "| crop 80 | 1 | 1.000 | 1.000 |" in text
    assert "| swapped label, first n | | | 1.000 |" in text
