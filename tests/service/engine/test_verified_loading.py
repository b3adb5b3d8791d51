"""What a package goes through before it may answer."""

from pathlib import Path

import onnx
import pytest

from inference import (
    DigestMismatch,
    GoldenMismatch,
    Package,
    PackageError,
    SessionConfig,
    SessionError,
    read_package,
)
from inference.golden import add_golden_precision
from inference.loading import open_classifier
from service.engine.hardware import probe_provider
from service.engine.verified_loading import ModelLoader
from tests.builders import make_package, replace_model
from tests.inference.test_precision import OWN_THRESHOLD, add_precision
from tests.service.registries import untimed_tuner

LOADER = ModelLoader(session=SessionConfig(provider="cpu"), tuner=untimed_tuner(4))


def package(models_dir: Path) -> Package:
    return read_package(models_dir / "colours" / "1")


def test_a_sound_package_is_loaded(models_dir: Path) -> None:
    make_package(models_dir)
    assert LOADER.load(package(models_dir)).classifier.precision == "fp32"


def test_a_changed_model_file_is_refused(models_dir: Path) -> None:
    folder = make_package(models_dir)
    (folder / "model.onnx").write_bytes(b"changed")
    with pytest.raises(DigestMismatch):
        LOADER.load(package(models_dir))


def test_a_model_that_answers_differently_here_is_refused(models_dir: Path) -> None:
    folder = make_package(models_dir)
    expected = folder / "golden" / "expected.json"
    expected.write_text(expected.read_text().replace("0.99", "0.01"))
    with pytest.raises(GoldenMismatch):
        LOADER.load(package(models_dir))


def only_single_images(folder: Path) -> None:
    """Fix the model's batch size at 1, with a manifest that agrees."""
    model = onnx.load_from_string((folder / "model.onnx").read_bytes())
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1
    replace_model(folder, model.SerializeToString())


def test_a_model_that_cannot_run_batches_is_refused(models_dir: Path) -> None:
    make_package(models_dir, after=only_single_images)
    with pytest.raises(SessionError, match="batch of shape"):
        LOADER.load(package(models_dir))


def test_a_missing_precision_is_refused(models_dir: Path) -> None:
    make_package(models_dir)
    with pytest.raises(PackageError, match="no int8"):
        LOADER.load(package(models_dir), "int8")


def test_the_probe_asks_a_real_session() -> None:
    assert probe_provider(SessionConfig(provider="cpu")) == "cpu"


def test_another_precision_is_loaded_with_its_own_rules(models_dir: Path) -> None:
    folder = add_precision(make_package(models_dir), "int8")
    int8 = open_classifier(folder, session=SessionConfig(provider="cpu"), precision="int8")
    add_golden_precision(folder, int8)
    loaded = LOADER.load(package(models_dir), "int8").classifier
    assert loaded.precision == "int8"
    assert loaded.manifest.rejection is not None
    assert loaded.manifest.rejection.threshold == OWN_THRESHOLD
