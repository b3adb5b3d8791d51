"""Which models, versions and aliases there are, and what each request means."""

import json
import shutil
from pathlib import Path

import pytest

from inference.aliases import ALIASES_FILE
from inference.errors import InvalidManifest, InvalidName, ModelNotFound, PackageError
from inference.manifest import MANIFEST_FILE
from inference.repository import Repository
from tests.builders import make_package


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with `colours` 1, 2 and 10, and with `digits` 1."""
    root = tmp_path_factory.mktemp("published")
    make_package(root)
    make_package(root)
    (root / "colours" / "9").mkdir()  # no manifest, so no version; the next is 10
    make_package(root)
    (root / "colours" / "9").rmdir()
    make_package(root, name="digits")
    return root


@pytest.fixture
def repository(published: Path, tmp_path: Path) -> Repository:
    """Return a copy of the published folder that a test may change."""
    return Repository(shutil.copytree(published, tmp_path / "models"))


def write_aliases(repository: Repository, text: str) -> None:
    (repository.root / "colours" / ALIASES_FILE).write_text(text, encoding="utf-8")


def test_models_and_versions_are_listed_in_order(repository: Repository) -> None:
    assert repository.names() == ["colours", "digits"]
    assert repository.versions("colours") == [1, 2, 10]


def test_what_is_no_version_is_not_listed(repository: Repository) -> None:
    folder = repository.root / "colours"
    for name in ("01", "0", "x", "-1", ".publishing-1", "11"):
        (folder / name).mkdir()
    (folder / "12").write_text("a file instead of a folder")
    for name in (".publishing-1", "01"):
        shutil.copy(folder / "1" / MANIFEST_FILE, folder / name)
    assert repository.versions("colours") == [1, 2, 10]


def test_what_is_no_model_is_not_listed(repository: Repository) -> None:
    (repository.root / "empty").mkdir()
    (repository.root / "README.md").write_text("a file")
    make_package(repository.root, name="hidden").parent.rename(repository.root / ".hidden")
    make_package(repository.root, name="space").parent.rename(repository.root / "with space")
    assert repository.names() == ["colours", "digits"]


def test_a_repository_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert Repository(tmp_path / "none").names() == []
    with pytest.raises(ModelNotFound, match="there are: none yet"):
        Repository(tmp_path / "none").versions("colours")


def test_a_new_version_is_seen_at_once(repository: Repository) -> None:
    assert repository.resolve("colours") == 10
    make_package(repository.root)
    assert repository.resolve("colours") == 11


@pytest.mark.parametrize("name", ["shoes", "../models/colours", "", "colours/1", "colours\n"])
def test_an_unknown_or_forbidden_model_is_not_found(repository: Repository, name: str) -> None:
    with pytest.raises(ModelNotFound):
        repository.versions(name)


def test_the_models_there_are_are_named(repository: Repository) -> None:
    with pytest.raises(ModelNotFound, match="no model 'shoes'; there are: colours, digits"):
        repository.versions("shoes")


@pytest.mark.parametrize(
    ("asked", "meant"), [(None, 10), ("latest", 10), (2, 2), ("2", 2), (10, 10), ("stable", None)]
)
def test_without_aliases_nothing_means_the_latest(
    repository: Repository, asked: str | int | None, meant: int | None
) -> None:
    if meant is None:
        with pytest.raises(ModelNotFound, match="it has 1, 2, 10, latest"):
            repository.resolve("colours", asked)
    else:
        assert repository.resolve("colours", asked) == meant


def test_nothing_means_stable_where_it_is_set(repository: Repository) -> None:
    assert repository.set_alias("colours", "stable", 2) == {"stable": 2}
    assert repository.set_alias("colours", "canary", 10) == {"stable": 2, "canary": 10}
    assert repository.aliases("colours") == {"stable": 2, "canary": 10}
    assert repository.resolve("colours") == 2
    assert repository.resolve("colours", "canary") == 10
    assert repository.resolve("colours", "latest") == 10
    assert repository.resolve("digits") == 1


@pytest.mark.parametrize("asked", [3, "3", "0", "01", "-1", "Stable", "", "2\n", "x" * 1000])
def test_a_version_that_is_not_there_is_not_found(repository: Repository, asked: str | int) -> None:
    with pytest.raises(ModelNotFound, match="it has 1, 2, 10, latest") as refusal:
        repository.resolve("colours", asked)
    assert len(str(refusal.value)) < 200


def test_a_stable_version_that_is_gone_is_not_replaced_by_another(repository: Repository) -> None:
    repository.set_alias("colours", "stable", 2)
    shutil.rmtree(repository.root / "colours" / "2")
    with pytest.raises(ModelNotFound, match="no version 'stable'"):
        repository.resolve("colours")


@pytest.mark.parametrize("alias", ["latest", "3", "a b", "../x"])
def test_an_alias_that_is_not_allowed_is_refused(repository: Repository, alias: str) -> None:
    with pytest.raises(InvalidName):
        repository.set_alias("colours", alias, 1)
    assert repository.aliases("colours") == {}


def test_an_alias_of_a_version_that_is_not_there_is_refused(repository: Repository) -> None:
    with pytest.raises(ModelNotFound):
        repository.set_alias("colours", "stable", 3)
    assert not (repository.root / "colours" / ALIASES_FILE).exists()


def test_setting_an_alias_leaves_no_temporary_file(repository: Repository) -> None:
    repository.set_alias("colours", "stable", 1)
    names = {entry.name for entry in (repository.root / "colours").iterdir()}
    assert names == {"1", "2", "10", ALIASES_FILE, ".changing"}


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"stable": "2"}', '{"stable": true}', '{"stable": null}', "[" * 100_000],
)
def test_damaged_aliases_stand_in_the_way_of_aliases_only(
    repository: Repository, text: str
) -> None:
    write_aliases(repository, text)
    for asked in (None, "stable"):
        with pytest.raises(PackageError, match=r"aliases\.json of 'colours'"):
            repository.resolve("colours", asked)
    with pytest.raises(PackageError):
        repository.set_alias("colours", "stable", 1)
    assert repository.resolve("colours", 2) == 2
    assert repository.resolve("colours", "latest") == 10
    assert (repository.root / "colours" / ALIASES_FILE).read_text(encoding="utf-8") == text


def test_an_alias_file_cannot_give_a_number_or_latest_another_meaning(
    repository: Repository,
) -> None:
    write_aliases(repository, json.dumps({"latest": 1, "2": 1, "3": 1}))
    assert repository.resolve("colours", "latest") == 10
    assert repository.resolve("colours", "2") == 2
    with pytest.raises(ModelNotFound):
        repository.resolve("colours", "3")


def test_the_package_of_a_version_is_read(repository: Repository) -> None:
    assert repository.package("colours", 2).manifest.version == 2
    assert repository.package("colours").path == repository.root / "colours" / "10"


@pytest.mark.parametrize(("name", "number"), [("colours", 11), ("copies", 1)])
def test_a_copied_package_is_called_as_its_folder(
    repository: Repository, name: str, number: int
) -> None:
    shutil.copytree(repository.root / "digits" / "1", repository.root / name / str(number))
    manifest = repository.package(name, number).manifest
    assert (manifest.name, manifest.version) == (name, number)
    assert repository.package("digits", 1).manifest.name == "digits"


def test_a_damaged_manifest_is_refused_and_the_others_stay(repository: Repository) -> None:
    (repository.root / "colours" / "10" / MANIFEST_FILE).write_text("{")
    with pytest.raises(InvalidManifest):
        repository.package("colours")
    assert repository.package("colours", 2).manifest.version == 2


def test_a_link_out_of_the_repository_is_not_seen(repository: Repository, tmp_path: Path) -> None:
    outside = make_package(tmp_path / "elsewhere")
    (repository.root / "colours" / "11").symlink_to(outside, target_is_directory=True)
    (repository.root / "linked").symlink_to(outside.parent, target_is_directory=True)
    assert repository.names() == ["colours", "digits"]
    assert repository.versions("colours") == [1, 2, 10]
    with pytest.raises(ModelNotFound):
        repository.package("colours", 11)


def test_links_within_the_repository_and_to_it_are_followed(
    repository: Repository, tmp_path: Path
) -> None:
    (repository.root / "colours" / "11").symlink_to("10", target_is_directory=True)
    (tmp_path / "link").symlink_to(repository.root, target_is_directory=True)
    assert Repository(tmp_path / "link").versions("colours") == [1, 2, 10, 11]


def test_a_link_in_a_circle_is_not_seen(repository: Repository) -> None:
    (repository.root / "circle").symlink_to("circle")
    (repository.root / "colours" / "11").symlink_to("11")
    assert repository.names() == ["colours", "digits"]
    assert repository.versions("colours") == [1, 2, 10]
