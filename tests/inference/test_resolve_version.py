"""The one rule of what a number, an alias or nothing means."""

import pytest

from inference.errors import ModelNotFound
from inference.resolve_version import VersionNames, listed


def names(**aliases: int) -> VersionNames:
    return VersionNames(model="colours", versions={1, 2, 10}, latest=10, aliases=aliases)


@pytest.mark.parametrize(
    ("asked", "meant"), [(None, 10), ("latest", 10), ("2", 2), ("10", 10), ("beta", 2)]
)
def test_nothing_means_the_latest(asked: str | None, meant: int) -> None:
    assert names(beta=2).find(asked) == meant


def test_nothing_means_stable_where_it_is_set() -> None:
    assert names(stable=1).find(None) == 1
    assert names(stable=1).find("latest") == 10


def test_no_alias_changes_what_a_number_or_latest_means() -> None:
    misleading = VersionNames(
        model="x", versions={1, 2}, latest=2, aliases={"latest": 1, "2": 1, "3": 1}
    )
    assert (misleading.find("latest"), misleading.find("2")) == (2, 2)
    with pytest.raises(ModelNotFound):
        misleading.find("3")


def test_a_stable_version_that_is_gone_is_not_replaced_by_another() -> None:
    with pytest.raises(ModelNotFound, match=r"'stable' .*points at version 7, which is not there"):
        names(stable=7).find(None)


def test_the_latest_is_the_one_that_is_complete() -> None:
    copying = VersionNames(model="x", versions={1, 2}, latest=1, aliases={"beta": 2})
    assert (copying.find(None), copying.find("latest"), copying.find("beta")) == (1, 1, 2)
    first = VersionNames(model="x", versions={1}, latest=None, aliases={})
    with pytest.raises(ModelNotFound, match="has no version yet whose files are all there"):
        first.find(None)


def test_of_many_versions_the_newest_are_named() -> None:
    many = VersionNames(model="x", versions=range(1, 601), latest=600, aliases={})
    with pytest.raises(ModelNotFound, match=r"it has 581 more, 582, .*, 600, latest$"):
        many.find("beta")
    assert listed([]) == "none yet"
