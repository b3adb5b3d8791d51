"""Which of a package's model files is run."""

import dataclasses
import hashlib
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from inference import precision, precision_choice
from inference.classifier import Classifier
from inference.errors import GoldenMismatch, InvalidManifest, PackageError, SessionError
from inference.golden import add_golden_precision, check_golden
from inference.loading import open_classifier
from inference.manifest import (
    MANIFEST_FILE,
    Calibration,
    FileEntry,
    Manifest,
    Precision,
    PrecisionRules,
    Rejection,
    dump_manifest,
)
from inference.package import read_package
from inference.precision import (
    choose_precision,
    flags_multiply_bfloat16,
    flags_multiply_int8,
    multiplies_bfloat16,
    multiplies_int8,
)
from inference.session import SessionConfig, open_session
from inference.speed import BatchTiming
from tests.builders import colour_model, coloured, make_package

CPU = SessionConfig(provider="cpu")
OWN_THRESHOLD = 20.0


def add_precision(
    folder: Path, precision: Precision, changes: dict[str, object] | None = None
) -> Path:
    """Give a package a second file, with a manifest of its own that rejects more."""
    manifest = read_package(folder).manifest
    rejection = Rejection(score="max_logit", threshold=OWN_THRESHOLD, accepted=0.9)
    own = dataclasses.replace(manifest, precision=precision, rejection=rejection)
    own = dataclasses.replace(own, **(changes or {}))  # type: ignore[arg-type]
    data = colour_model(manifest=dump_manifest(own, embedded=True))
    file = f"model.{precision}.onnx"
    (folder / file).write_bytes(data)
    entry = FileEntry(
        file=file, sha256=hashlib.sha256(data).hexdigest(), bytes=len(data), metrics={}
    )
    files = {**(manifest.files or {}), precision: entry}
    write(folder, dataclasses.replace(manifest, files=files))
    return folder


def add_bf16(folder: Path, *, temperature: float = 2.0) -> Path:
    """Have a package run in bf16 too, from its one file, with a temperature and a threshold of its own."""
    manifest = read_package(folder).manifest
    assert manifest.files is not None
    rules = PrecisionRules(
        calibration=Calibration(temperature=temperature),
        rejection=Rejection(score="max_logit", threshold=OWN_THRESHOLD, accepted=0.9),
        conformal=None,
        metrics=manifest.metrics,
        parity=manifest.parity,
    )
    entry = dataclasses.replace(manifest.files["fp32"], metrics={})
    files = {**manifest.files, "bf16": entry}
    write(folder, dataclasses.replace(manifest, files=files, precision_rules={"bf16": rules}))
    # Of this file with that temperature; another runtime or type is not far from it.
    package = read_package(folder)
    session = open_session(package.model_bytes("fp32"), CPU)
    own = Classifier(manifest=package.manifest.run_as("bf16"), session=session, precision="bf16")
    add_golden_precision(folder, own)
    return folder


def write(folder: Path, manifest: Manifest) -> None:
    """Replace the package's manifest."""
    (folder / MANIFEST_FILE).write_text(dump_manifest(manifest), encoding="utf-8")


@pytest.fixture
def folder(models_dir: Path) -> Path:
    """Return a package with a file for int8 beside the usual one."""
    return add_precision(make_package(models_dir), "int8")


@pytest.mark.parametrize(
    ("available", "on_gpu", "expected"),
    [
        (("fp32",), True, "fp32"),
        (("fp32", "int8"), True, "fp32"),
        (("fp32", "fp16", "int8"), True, "fp16"),
        (("fp32", "fp16"), False, "fp32"),
    ],
)
def test_auto_takes_what_suits_the_hardware(
    available: tuple[Precision, ...], on_gpu: bool, expected: str
) -> None:
    assert choose_precision("auto", available, on_gpu=on_gpu) == expected


def test_auto_takes_int8_on_a_cpu_that_is_made_for_it() -> None:
    expected = "int8" if multiplies_int8() else "fp32"
    available: tuple[Precision, ...] = ("fp32", "int8")
    assert choose_precision("auto", available, on_gpu=False) == expected


def test_what_is_asked_for_is_taken() -> None:
    available: tuple[Precision, ...] = ("fp32", "fp16")
    assert choose_precision("fp32", available, on_gpu=True) == "fp32"
    assert choose_precision("int8", available, on_gpu=True) == "int8"


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ("flags\t\t: fpu avx2 avx512_vnni", True),
        ("processor : 0\nflags : fpu avx_vnni", True),
        ("flags : fpu avx2 avx512f", False),
        ("flags_of_others : avx_vnni\nmodel : avx512_vnni", False),
        ("", False),
    ],
)
def test_a_processor_is_asked_for_its_instructions(flags: str, expected: bool) -> None:
    assert flags_multiply_int8(flags) is expected


def test_a_smaller_file_is_used_by_its_own_threshold(folder: Path) -> None:
    image = [coloured("red")]
    (usual,) = open_classifier(folder, session=CPU, precision="fp32").classify(image)
    int8 = open_classifier(folder, session=CPU, precision="int8")
    (own,) = int8.classify(image)
    assert not usual.rejected
    assert own.rejected
    assert int8.precision == int8.manifest.precision == "int8"
    assert set(int8.manifest.files or {}) == {"fp32", "int8"}


def test_a_bare_smaller_file_knows_what_it_is(folder: Path) -> None:
    classifier = open_classifier(folder / "model.int8.onnx", session=CPU)
    assert classifier.precision == "int8"
    with pytest.raises(
        PackageError, match=r"model\.int8\.onnx cannot be used: it is int8, not fp16"
    ):
        open_classifier(folder / "model.int8.onnx", session=CPU, precision="fp16")


def test_a_precision_that_the_package_lacks_is_refused(folder: Path) -> None:
    with pytest.raises(PackageError, match="it has no fp16; ask for fp32"):
        open_classifier(folder, session=CPU, precision="fp16")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"precision": "fp32"}, "says that it is fp32"),
        ({"labels": ("green", "red", "blue")}, "has other labels"),
    ],
)
def test_a_file_of_another_model_is_refused(
    models_dir: Path, changes: dict[str, object], message: str
) -> None:
    folder = add_precision(make_package(models_dir), "int8", changes)
    with pytest.raises(InvalidManifest, match=message):
        Classifier.load(read_package(folder), session=CPU, precision="int8")


def test_each_precision_has_golden_answers_of_its_own(folder: Path) -> None:
    int8 = open_classifier(folder, session=CPU, precision="int8")
    with pytest.raises(GoldenMismatch, match=r"golden/expected\.int8\.json is missing"):
        check_golden(int8, folder)
    assert add_golden_precision(folder, int8) == 3
    assert check_golden(int8, folder) == 3
    expected = folder / "golden" / "expected.int8.json"
    expected.write_text(expected.read_text("utf-8").replace("0.99", "0.89"), "utf-8")
    with pytest.raises(GoldenMismatch, match=r"differs by 0\.1"):
        check_golden(int8, folder)
    assert check_golden(open_classifier(folder, session=CPU, precision="fp32"), folder) == 3


def test_a_temperature_of_its_own_is_in_its_manifest(models_dir: Path) -> None:
    calibration = Calibration(temperature=2.5)
    folder = add_precision(make_package(models_dir), "fp16", {"calibration": calibration})
    fp16 = open_classifier(folder, session=CPU, precision="fp16")
    assert fp16.manifest.calibration.temperature == 2.5
    assert read_package(folder).manifest.calibration.temperature == 1


@pytest.mark.parametrize(
    ("flags", "expected"),
    [("flags : avx512_bf16", True), ("flags : amx_bf16", True), ("flags : avx512_vnni", False)],
)
def test_a_processor_is_asked_whether_it_multiplies_bfloat16(flags: str, expected: bool) -> None:
    assert flags_multiply_bfloat16(flags) is expected


def run_in_bf16(folder: Path) -> Classifier:
    """Return a classifier in bf16 on any machine: ONNX Runtime stands in where OpenVINO cannot do it."""
    if multiplies_bfloat16():
        return open_classifier(folder, session=CPU, precision="bf16")
    package = read_package(folder)
    session = open_session(package.model_bytes("bf16"), CPU)
    return Classifier(manifest=package.manifest.run_as("bf16"), session=session, precision="bf16")


def test_bf16_shares_the_file_and_has_rules_of_its_own(models_dir: Path) -> None:
    folder = add_bf16(make_package(models_dir))
    usual = open_classifier(folder, session=CPU, precision="fp32")
    bf16 = run_in_bf16(folder)
    image = [coloured("red")]
    (before,), (after,) = usual.classify(image), bf16.classify(image)
    assert after.rejected
    assert not before.rejected
    # Red is (250, 10, 10) of 255, the logits are ten times that, and the temperature is two.
    assert after.probability == pytest.approx(1 / (1 + 2 * math.exp(-2400 / 255 / 2)), abs=1e-3)
    assert after.probability < before.probability
    assert check_golden(bf16, folder) == 3
    assert bf16.manifest.precision == "bf16"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: data["files"]["bf16"].update(sha256="0" * 64), "must be that of fp32"),
        (lambda data: data.pop("precision_rules"), "precision_rules lacks bf16"),
    ],
)
def test_bf16_of_other_bytes_or_without_rules_is_refused(
    models_dir: Path, change: Callable[[dict[str, Any]], object], message: str
) -> None:
    file = add_bf16(make_package(models_dir)) / MANIFEST_FILE
    data = json.loads(file.read_text("utf-8"))
    change(data)
    file.write_text(json.dumps(data), "utf-8")
    with pytest.raises(InvalidManifest, match=message):
        read_package(file.parent)


def found_as_fast(monkeypatch: pytest.MonkeyPatch, ratio: float) -> None:
    """Have the measurement find bf16 so many times as fast."""

    def time(*_: object, **__: object) -> BatchTiming:
        return BatchTiming(batch=1, reference_ms=ratio, other_ms=1.0)

    monkeypatch.setattr(precision_choice, "time_in_turn", time)


@pytest.mark.parametrize(("ratio", "taken"), [(1.7, True), (1.02, False)])
def test_auto_takes_bf16_where_it_is_measured_to_be_faster_and_says_why(
    models_dir: Path, monkeypatch: pytest.MonkeyPatch, ratio: float, taken: bool
) -> None:
    folder = add_bf16(make_package(models_dir))
    found_as_fast(monkeypatch, ratio)
    chosen = open_classifier(folder, session=CPU)
    if not multiplies_bfloat16():
        assert chosen.precision == "fp32"
        assert "this processor does not multiply bfloat16" in chosen.precision_reason
    elif taken:
        assert (chosen.precision, chosen.session.provider) == ("bf16", "openvino")
        expected = "bf16 is 1.70 times as fast as fp32 here (4 images at a time, all cores)"
        assert chosen.precision_reason == expected
    else:
        assert (chosen.precision, chosen.session.provider) == ("fp32", "cpu")
        assert chosen.precision_reason.startswith("bf16 is left out: it is 1.02 times as fast")


def test_a_small_container_is_not_ended_by_openvino(
    models_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = add_bf16(make_package(models_dir))
    found_as_fast(monkeypatch, 1.7)
    monkeypatch.setattr(precision_choice, "why_not_bfloat16", lambda: None)
    monkeypatch.setattr(precision_choice, "memory_left_bytes", lambda: 200 * 2**20)
    chosen = open_classifier(folder, session=CPU)
    assert chosen.precision == "fp32"
    said = "bf16 is left out: OpenVINO may need 256 MiB of memory and this container's limit leaves"
    assert chosen.precision_reason == f"{said} 200 MiB"


def test_without_openvino_auto_says_how_to_have_it(
    models_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = add_bf16(make_package(models_dir))
    monkeypatch.setattr(precision, "multiplies_bfloat16", lambda: True)
    monkeypatch.setattr(precision, "find_spec", lambda _: None)
    chosen = open_classifier(folder, session=CPU)
    assert chosen.precision == "fp32"
    assert chosen.precision_reason.endswith("pip install 'graft-classifier[openvino]'")
    with pytest.raises(SessionError, match="OpenVINO is not installed"):
        open_classifier(folder, session=CPU, precision="bf16")
    with pytest.raises(SessionError, match="OpenVINO is not installed"):
        open_classifier(folder, session=SessionConfig(provider="openvino"))


def test_where_bf16_is_run_the_reason_says_why_int8_is_not(models_dir: Path) -> None:
    package = read_package(add_precision(make_package(models_dir), "int8"))
    by_name = (
        "; int8 was not measured, for its answers differ from those of fp32 more often: ask for it"
    )
    assert by_name in precision_choice.why_bf16(package, CPU, "1.8 times as fast")
    openvino = SessionConfig(provider="openvino")  # never runs it
    assert "int8" not in precision_choice.why_bf16(package, openvino, "1.8 times as fast")


def test_a_plain_package_is_told_that_there_is_nothing_to_choose(package_folder: Path) -> None:
    reason = open_classifier(package_folder, session=CPU).precision_reason
    assert reason == "the package has no other precision"
