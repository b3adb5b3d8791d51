"""The images of a request share the seconds that decoding may take."""

import pytest

from service.errors import ImagesTooCostly
from service.prediction.decoding_budget import DecodingBudget


def test_what_was_taken_counts_and_not_what_was_expected() -> None:
    budget = DecodingBudget(2.0)
    with budget.spend(1.5) as first:
        first.seconds = 0.5
    with budget.spend(1.4) as second:
        second.seconds = 1.4
    with pytest.raises(ImagesTooCostly, match="over 2 s"), budget.spend(0.2):
        pass
    with budget.spend(0.05):
        pass


def test_what_is_being_decoded_counts_as_expected() -> None:
    budget = DecodingBudget(2.0)
    with budget.spend(1.5), pytest.raises(ImagesTooCostly), budget.spend(0.6):
        pass
