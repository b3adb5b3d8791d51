"""Shares of requests: honoured, stable for a key, refused where they make no sense."""

from collections import Counter
from pathlib import Path

import pytest

from inference.errors import ModelNotFound, PackageError
from inference.repository import Repository
from inference.traffic import TRAFFIC_FILE, Traffic
from tests.builders import make_package


def test_requests_are_shared_by_weight() -> None:
    traffic = Traffic(weights={"stable": 90, "candidate": 10})
    counts = Counter(traffic.choose(f"request-{n}") for n in range(5000))
    assert set(counts) == {"stable", "candidate"}
    assert counts["candidate"] / 5000 == pytest.approx(0.1, abs=0.02)


def test_a_key_gets_the_same_version_every_time() -> None:
    keys = [f"request-{n}" for n in range(50)]
    first = [Traffic(weights={"a": 1, "b": 1}).choose(key) for key in keys]
    second = [Traffic(weights={"b": 1, "a": 1}).choose(key) for key in keys]
    assert first == second


def test_a_version_without_a_share_gets_nothing() -> None:
    traffic = Traffic(weights={"a": 0, "b": 1, "c": 0})
    assert {traffic.choose(str(n)) for n in range(100)} == {"b"}


def test_a_shadow_alone_shares_nothing() -> None:
    assert Traffic(shadow="candidate").choose("key") is None


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "neither weights nor a shadow"),
        ({"weights": {"stable": 0}}, "all weights are 0"),
        ({"weights": {"stable": -1}}, "whole number"),
        ({"weights": {"stable": 0.5}}, "whole number"),
        ({"weights": {"stable": True}}, "whole number"),
        ({"weights": {"../up": 1}}, "not allowed"),
        ({"shadow": "a/b"}, "not allowed"),
        ({"shadow": 3}, "must be text"),
        ({"weights": {f"v{n}": 1 for n in range(17)}}, "limit is 16"),
    ],
)
def test_traffic_that_makes_no_sense_is_refused(values: dict[str, object], message: str) -> None:
    with pytest.raises(PackageError, match=message):
        Traffic(**values)  # type: ignore[arg-type]


def test_traffic_is_written_read_and_removed(tmp_path: Path) -> None:
    make_package(tmp_path)
    repository = Repository(tmp_path)
    traffic = Traffic(weights={"latest": 3, "1": 1}, shadow="1")
    assert repository.traffic("colours") is None
    repository.set_traffic("colours", traffic)
    assert repository.traffic("colours") == traffic
    repository.set_traffic("colours", None)
    assert repository.traffic("colours") is None


def test_a_version_that_is_not_there_gets_no_traffic(tmp_path: Path) -> None:
    make_package(tmp_path)
    with pytest.raises(ModelNotFound, match="candidate"):
        Repository(tmp_path).set_traffic("colours", Traffic(weights={"candidate": 1}))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "cannot be read"),
        ("[]", "not of the form"),
        ('{"weights": []}', "not of the form"),
        ('{"weight": {"stable": 1}}', "unknown keys"),
        ('{"weights": {"stable": "x"}}', "whole number"),
    ],
)
def test_a_damaged_traffic_file_is_named(tmp_path: Path, content: str, message: str) -> None:
    make_package(tmp_path)
    (tmp_path / "colours" / TRAFFIC_FILE).write_text(content)
    with pytest.raises(PackageError, match=rf"traffic\.json of 'colours'.*{message}"):
        Repository(tmp_path).traffic("colours")
