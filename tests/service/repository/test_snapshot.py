"""Snapshots of the models folder: what changed is read, what did not is kept."""

import errno
import os
import shutil
from pathlib import Path

import pytest

from inference import ModelNotFound, Repository
from service.errors import ModelNotReady
from service.repository.catalog import EMPTY_CATALOG
from service.repository.catalog_changes import log_changes
from service.repository.snapshot import read_catalog
from tests.builders import make_package


def test_an_unchanged_version_is_not_read_again(models_dir: Path) -> None:
    make_package(models_dir)
    repository = Repository(models_dir)
    before = read_catalog(repository)
    make_package(models_dir)
    after = read_catalog(repository, before)
    assert after.models["colours"].versions[1] is before.models["colours"].versions[1]
    assert list(after.models["colours"].versions) == [1, 2]


def test_a_bad_manifest_is_a_problem_of_its_version_alone(models_dir: Path) -> None:
    make_package(models_dir)
    make_package(models_dir, after=lambda folder: _write(folder / "manifest.json", "[]"))
    model = read_catalog(Repository(models_dir)).models["colours"]
    assert model.versions[1].package is not None
    assert model.versions[2].package is None
    assert "format_version" in (model.versions[2].problem or "")


def test_stable_is_the_default_and_else_the_latest(models_dir: Path) -> None:
    make_package(models_dir)
    make_package(models_dir)
    repository = Repository(models_dir)
    assert read_catalog(repository).models["colours"].default == 2
    repository.set_alias("colours", "stable", 1)
    assert read_catalog(repository).models["colours"].default == 1


def test_a_stable_alias_that_leads_nowhere_chooses_nothing(models_dir: Path) -> None:
    make_package(models_dir)
    _write(models_dir / "colours" / "aliases.json", '{"stable": 7}')
    model = read_catalog(Repository(models_dir)).models["colours"]
    assert model.default is None
    assert "version 7" in (model.problem or "")


def test_the_default_is_what_inference_would_choose(models_dir: Path) -> None:
    make_package(models_dir)
    make_package(models_dir)
    repository = Repository(models_dir)
    for alias in (None, "stable"):
        if alias:
            repository.set_alias("colours", alias, 1)
        catalog = read_catalog(repository)
        assert catalog.models["colours"].default == repository.resolve("colours")


@pytest.mark.parametrize("version", ["3", "0", "-1", "", "stable", "../1", "1" * 50, "١"])
def test_an_unknown_version_names_those_there_are(models_dir: Path, version: str) -> None:
    make_package(models_dir)
    model = read_catalog(Repository(models_dir)).find("colours")
    with pytest.raises(ModelNotFound, match="it has 1, latest"):
        model.find(version)


def test_files_and_odd_folders_are_no_models(models_dir: Path) -> None:
    make_package(models_dir)
    (models_dir / "README.md").write_text("x")
    (models_dir / ".hidden").mkdir()
    (models_dir / "empty").mkdir()
    (models_dir / "colours" / ".publishing-abc").mkdir()
    (models_dir / "colours" / "007").mkdir()
    catalog = read_catalog(Repository(models_dir))
    assert list(catalog.models) == ["colours"]
    assert list(catalog.models["colours"].versions) == [1]


def _write(file: Path, text: str) -> None:
    file.write_text(text)


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        ("colours", "GRAFT_MODELS_DIR is a model ('colours'), not the folder of models; set it to"),
        ("colours/1", "GRAFT_MODELS_DIR is a version of a model, not the folder of models; set it"),
    ],
)
def test_a_model_in_place_of_the_folder_of_models_is_named(
    models_dir: Path, place: str, reason: str
) -> None:
    make_package(models_dir)
    assert (read_catalog(Repository(models_dir / place)).problem or "").startswith(reason)


def test_before_the_first_look_nothing_is_said_to_be_missing() -> None:
    with pytest.raises(ModelNotReady, match="being read"):
        EMPTY_CATALOG.find("colours")


@pytest.mark.parametrize("error", [errno.EIO, errno.ESTALE, errno.EACCES])
@pytest.mark.parametrize("call", ["scandir", "open", "listdir"])
def test_what_a_network_disk_refuses_for_a_moment_is_kept(
    models_dir: Path, monkeypatch: pytest.MonkeyPatch, error: int, call: str
) -> None:
    make_package(models_dir)
    repository = Repository(models_dir)
    before = read_catalog(repository)
    (models_dir / "colours" / "1" / "manifest.json").touch()  # so that it is to be read again

    def refuse(*_: object, **__: object) -> None:
        raise OSError(error, os.strerror(error), "/secret/place")

    with monkeypatch.context() as patch:
        patch.setattr(os, call, refuse)
        disturbed = read_catalog(repository, before)
    model = disturbed.models["colours"]
    assert model.default == 1
    assert model.versions[1] is before.models["colours"].versions[1]
    shown = f"{disturbed.problem}{model.problem}{[v.problem for v in model.disturbed.values()]}"
    assert os.strerror(error) in shown
    assert "secret" not in shown
    after = read_catalog(repository, disturbed).models["colours"]
    assert (after.problem, after.disturbed, after.default) == (None, {}, 1)


def test_what_is_wrong_is_logged_once_and_so_is_what_is_gone(
    models_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "service.repository")
    make_package(models_dir)
    make_package(models_dir, after=lambda folder: _write(folder / "manifest.json", "[]"))
    make_package(models_dir, after=lambda folder: _write(folder / "model.onnx", "a"))
    make_package(models_dir).rename(models_dir / "colours" / "v4")
    make_package(models_dir, name="my").parent.rename(models_dir / "my model")
    make_package(models_dir, name="bare").rename(models_dir / "without")
    (models_dir / "bare").rmdir()
    (models_dir / "dataset" / "train").mkdir(parents=True)
    repository, catalog = Repository(models_dir), EMPTY_CATALOG

    def look() -> list[str]:
        nonlocal catalog
        before, catalog = catalog, read_catalog(repository, catalog)
        log_changes(before, catalog)
        lines = [" ".join(record.getMessage().split()[:3]) for record in caplog.records]
        caplog.clear()
        return sorted(lines)

    assert look() == [
        "folder_ignored folder=my model",
        "folder_ignored folder=without reason=it",
        "version_ignored name=colours folder=v4",
        "version_incomplete name=colours version=3",
        "version_unusable name=colours version=2",
    ]
    _write(models_dir / "colours" / "3" / "model.onnx", "ab")
    assert look() == []
    shutil.rmtree(models_dir / "colours" / "2")
    assert look() == ["version_gone name=colours version=2"]
    shutil.rmtree(models_dir / "colours")
    assert look()[0].startswith("no_models reason=the")
