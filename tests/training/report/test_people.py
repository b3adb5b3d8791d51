"""The guess that a folder is one of people."""

import pytest

from training.report.people import looks_like_people

pytestmark = pytest.mark.training


@pytest.mark.parametrize(
    ("folder", "labels", "reason"),
    [
        ("members", ["a", "b"], "'members'"),
        ("band_member_photos", ["a", "b"], "'member'"),
        ("faces", ["happy", "sad"], "'faces'"),
        ("가수 사진", ["제니", "지수"], "'가수'"),
        ("data", ["John_Savage", "Anna Smith"], "'John_Savage'"),
        ("data", ["Ana de Armas", "Martin L. King", "none"], "2 of 3"),
    ],
)
def test_people_are_told_by_a_word_or_by_most_names(
    folder: str, labels: list[str], reason: str
) -> None:
    found = looks_like_people(folder, labels)
    assert found is not None
    assert reason in found


@pytest.mark.parametrize(
    ("folder", "labels"),
    [
        ("clothing", ["T-Shirt", "Dress", "long sleeve"]),
        ("surfaces", ["ok", "scratched"]),
        ("digits", ["0", "1"]),
        ("data", ["John_Savage", "tree", "house"]),
        ("data", ["Golden_Retriever", "Great_Dane", "Jack_Russell"]),
        ("fruit", ["Red Apple", "Green Apple"]),
        ("parts", ["clock face", "record player", "눈사람"]),
    ],
)
def test_things_are_not_taken_for_people(folder: str, labels: list[str]) -> None:
    assert looks_like_people(folder, labels) is None
