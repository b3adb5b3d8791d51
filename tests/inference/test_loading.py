"""`models/NAME` answers with the version that the service would answer with; damage is passed over."""

import logging
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from inference import InferenceError, PackageError, Repository, SessionConfig
from inference.__main__ import main
from inference.loading import open_classifier, open_package
from tests.builders import coloured, make_package

CPU = SessionConfig(provider="cpu")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Return the folder of a model with versions 1 and 2."""
    for _ in range(2):
        make_package(tmp_path / "models")
    return tmp_path / "models" / "colours"


def change_a_byte(folder: Path) -> None:
    data = bytearray((folder / "model.onnx").read_bytes())
    data[-1] ^= 1
    (folder / "model.onnx").write_bytes(data)


def damage_manifest(folder: Path) -> None:
    (folder / "manifest.json").write_text("{")


def make_unreadable(folder: Path) -> None:
    """Put a link in a circle there: what even root cannot read."""
    (folder / "model.onnx").unlink()
    (folder / "model.onnx").symlink_to("model.onnx")


DAMAGE = [
    (change_a_byte, "model.onnx has sha256 .*…, manifest says .*…"),
    (damage_manifest, "manifest is no"),
    (make_unreadable, "model.onnx cannot be read: Too many levels of symbolic links"),
]


@pytest.mark.parametrize(("damage", "reason"), DAMAGE)
def test_a_damaged_newest_version_is_passed_over_with_one_line(
    model: Path, damage: Callable[[Path], None], reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    damage(model / "2")
    with caplog.at_level(logging.WARNING):
        opened = open_package(model, session=CPU)
    assert opened.path == model / "1"
    assert opened.classifier.manifest.version == 1
    (record,) = caplog.records
    assert record.getMessage().startswith("model 'colours' version 2 cannot be used: ")
    assert record.getMessage().endswith("; trying version 1")


@pytest.mark.parametrize(("damage", "reason"), DAMAGE)
def test_a_damaged_version_that_is_named_is_refused_by_name(
    model: Path, damage: Callable[[Path], None], reason: str
) -> None:
    damage(model / "2")
    message = f"model 'colours' version 2 cannot be used: .*{reason}"
    with pytest.raises(InferenceError, match=message):
        open_classifier(model / "2", session=CPU)


def test_stable_is_not_passed_over_for_a_newer_version(model: Path) -> None:
    Repository(model.parent).set_alias("colours", "stable", 1)
    change_a_byte(model / "1")
    with pytest.raises(InferenceError, match="version 1 cannot be used"):
        open_classifier(model, session=CPU)


def test_where_every_version_is_damaged_the_message_says_so(model: Path) -> None:
    for version in ("1", "2"):
        change_a_byte(model / version)
    with pytest.raises(InferenceError, match=r"version 1 .*; no version of the model can be used"):
        open_classifier(model, session=CPU)


def test_the_command_answers_with_the_older_version(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    change_a_byte(model / "2")
    photo = tmp_path / "photo.png"
    photo.write_bytes(coloured("red"))
    assert main([os.fspath(model), os.fspath(photo), "--json"]) == 0
    assert '"version": 1' in capsys.readouterr().out


def test_a_copied_package_answers_under_the_name_of_its_folder(model: Path) -> None:
    (model / "2").rename(model / "7")
    model.rename(model.with_name("paints"))
    manifest = open_classifier(model.with_name("paints"), session=CPU).manifest
    assert (manifest.name, manifest.version) == ("paints", 7)


def test_an_image_in_the_models_place_is_called_one(tmp_path: Path) -> None:
    photo = tmp_path / "photo.png"
    photo.write_bytes(coloured("red"))
    with pytest.raises(
        PackageError, match=r"photo\.png cannot be used: it is a PNG image, not a model"
    ):
        open_classifier(photo)


def test_no_older_version_stands_in_for_a_precision_that_is_not_there(
    model: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(PackageError, match=r"version 2 .* has no int8"):
        open_classifier(model, session=CPU, precision="int8")
    assert caplog.records == []
