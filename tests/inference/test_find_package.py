"""What a person types is found, or the message names what is there."""

from pathlib import Path

import pytest

from inference import ModelNotFound, PackageError, Repository, find_package
from tests.builders import make_package


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """Return a repository with `members` 1 and 2, the alias "best" on 1."""
    root = tmp_path / "models"
    make_package(root, name="members")
    make_package(root, name="members")
    Repository(root).set_alias("members", "best", 1)
    return root


@pytest.mark.parametrize(
    ("typed", "found"),
    [("members", "2"), ("members/1", "1"), ("members/best", "1"), ("members/latest", "2")],
)
def test_a_model_a_version_and_an_alias_are_found(models: Path, typed: str, found: str) -> None:
    assert find_package(models / typed) == models / "members" / found


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("member", "no model 'member' in '.*/models'; there are: members"),
        ("members/7", "model 'members' has no version '7'; it has 1, 2, latest, best"),
        (".", "is a folder of models; name one of them: .*/members"),
        ("../elsewhere", "no package at .*elsewhere'; give models/NAME"),
        ("../modls/members", r"no package at .*: there is no folder .*; did you mean '.*models'\?"),
        ("../no/such", "no package at .*such': there is no folder"),
    ],
)
def test_a_wrong_name_names_what_is_there(models: Path, typed: str, message: str) -> None:
    with pytest.raises(ModelNotFound, match=message):
        find_package(models / typed)


def test_a_link_to_a_model_is_followed(models: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").symlink_to(models / "members")
    assert find_package(tmp_path / "mine") == models / "members" / "2"


def test_a_version_that_is_still_being_copied_is_passed_over(models: Path) -> None:
    model = models / "members" / "2" / "model.onnx"
    whole = model.read_bytes()
    model.write_bytes(whole[:100])
    assert find_package(models / "members").name == "1"
    with pytest.raises(PackageError, match=f"incomplete: model.onnx has 100 of {len(whole)} bytes"):
        Repository(models).package("members", 2)
    model.unlink()
    with pytest.raises(PackageError, match=r"incomplete: model\.onnx is not there yet"):
        Repository(models).package("members", 2)
    model.write_bytes(whole)
    assert find_package(models / "members").name == "2"
