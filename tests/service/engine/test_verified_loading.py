"""What a package goes through before it may answer."""

import dataclasses
from pathlib import Path

import onnx
import pytest

from inference import (
    Classifier,
    DigestMismatch,
    GoldenMismatch,
    Package,
    PackageError,
    SessionConfig,
    SessionError,
    precision_choice,
    read_package,
)
from inference.golden import add_golden_precision
from inference.loading import open_classifier
from inference.precision import multiplies_bfloat16
from inference.trial import TrialLimits, Trials
from service.engine.hardware import probe_provider
from service.engine.verified_loading import ModelLoader
from tests.builders import make_package, replace_model
from tests.inference.test_precision import OWN_THRESHOLD, add_bf16, add_precision, found_as_fast
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


def tried_and_loaded(package: Package) -> Classifier:
    trials = Trials(TrialLimits(cpu_s=20, memory_bytes=1024 * 2**20))
    loader = dataclasses.replace(LOADER, trials=trials, _without_bf16={}, _faster_in_bf16={})
    loader.try_out(package)
    return loader.load(package).classifier


def test_bf16_comes_through_its_trial_and_is_loaded_where_it_is_faster(
    models_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_bf16(make_package(models_dir))
    found_as_fast(monkeypatch, 1.7)
    loaded = tried_and_loaded(package(models_dir))
    if multiplies_bfloat16():
        assert (loaded.precision, loaded.precision_reason) == (
            "bf16",
            "bf16 is 1.70 times as fast as fp32 here (4 images at a time, 1 thread)",
        )
    else:
        assert (loaded.precision, loaded.session.provider) == ("fp32", "cpu")


def test_bf16_is_not_even_tried_in_a_container_too_small_for_openvino(
    models_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_bf16(make_package(models_dir))
    tried: list[str] = []
    monkeypatch.setattr(ModelLoader, "_try", lambda _, __, precision: tried.append(precision))
    monkeypatch.setattr(precision_choice, "why_not_bfloat16", lambda: None)
    monkeypatch.setattr(precision_choice, "memory_left_bytes", lambda: 200 * 2**20)
    loaded = tried_and_loaded(package(models_dir))
    assert (tried, loaded.precision) == (["fp32"], "fp32")
    assert loaded.precision_reason.startswith("bf16 is left out: OpenVINO may need")


@pytest.mark.parametrize("by_trial", [True, False])
def test_a_package_that_answers_otherwise_in_bf16_is_loaded_without(
    models_dir: Path, monkeypatch: pytest.MonkeyPatch, by_trial: bool
) -> None:
    folder = add_bf16(make_package(models_dir))
    found_as_fast(monkeypatch, 1.7)
    expected = folder / "golden" / "expected.bf16.json"
    expected.write_text(expected.read_text().replace("0.9", "0.4"))
    loaded = (
        tried_and_loaded(package(models_dir))
        if by_trial
        else LOADER.load(package(models_dir)).classifier
    )
    assert (loaded.precision, loaded.session.provider) == ("fp32", "cpu")
    why = "golden image" if multiplies_bfloat16() else "this processor does not multiply bfloat16"
    assert loaded.precision_reason.startswith(f"bf16 is left out: {why}")
