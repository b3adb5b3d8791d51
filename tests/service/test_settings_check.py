"""`python -m service --check`: one line about what would be served, and whether the settings can be used."""

from pathlib import Path

from service.settings import Settings
from service.settings_check import CheckResult, check_models
from tests.builders import make_package


def check(models_dir: Path, **settings: object) -> CheckResult:
    return check_models(Settings.model_validate({"models_dir": models_dir, **settings}))


def test_what_would_answer_is_named_with_its_version_and_address(models_dir: Path) -> None:
    make_package(models_dir)
    make_package(models_dir)
    make_package(models_dir, name="shapes")
    found = check(models_dir, port=9001)
    assert found.usable
    assert found.line == "ok: colours 2, shapes 1 would answer on 127.0.0.1:9001"


def test_a_version_that_would_not_answer_is_named_with_the_reason(models_dir: Path) -> None:
    make_package(models_dir)
    (make_package(models_dir) / "manifest.json").write_text("{")
    found = check(models_dir)
    assert found.usable
    assert "ok: colours 1 (not 2: " in found.line


def test_a_missing_models_folder_is_refused_with_its_setting(models_dir: Path) -> None:
    found = check(models_dir / "none")
    assert not found.usable
    assert f"the models folder {models_dir / 'none'} does not exist" in found.line


def test_a_file_in_the_models_folders_place_is_refused(models_dir: Path) -> None:
    file = models_dir / "photo.jpg"
    file.touch()
    found = check(file)
    assert not found.usable
    assert f"the models folder {file} is no folder" in found.line


def test_a_models_own_folder_in_place_of_the_models_folder_is_refused(models_dir: Path) -> None:
    make_package(models_dir)
    found = check(models_dir / "colours")
    assert not found.usable
    assert "GRAFT_MODELS_DIR is a model ('colours')" in found.line


def test_a_default_model_that_is_not_there_is_refused_with_those_that_are(models_dir: Path) -> None:
    make_package(models_dir)
    found = check(models_dir, default_model="colour")
    assert not found.usable
    assert "GRAFT_DEFAULT_MODEL is 'colour'" in found.line
    assert "colours" in found.line


def test_an_empty_folder_can_be_used(models_dir: Path) -> None:
    found = check(models_dir, default_model="colours")
    assert found.usable
    assert f"no model is published in {models_dir}" in found.line
