"""The manifest survives its text, and what does not fit is refused by name."""

import dataclasses
import json
from typing import Any

import pytest

from inference.errors import InvalidManifest
from inference.manifest import (
    MAX_MANIFEST_BYTES,
    FileEntry,
    Manifest,
    dump_manifest,
    parse_manifest,
)
from tests.builders import make_manifest

ENTRY = FileEntry(file="model.onnx", sha256="0" * 64, bytes=3, metrics={"accuracy": 0.5})
MANIFEST = dataclasses.replace(
    make_manifest(), labels=("RM", "진", "🎸 guitar"), files={"fp32": ENTRY}
)


def edited(path: str, value: Any) -> str:
    """Return the manifest's text with the value at a dotted path set."""
    data = json.loads(dump_manifest(MANIFEST))
    *parents, last = path.split(".")
    place = data
    for parent in parents:
        place = place[parent]
    place[last] = value
    return json.dumps(data)


def test_a_manifest_survives_its_text() -> None:
    assert parse_manifest(dump_manifest(MANIFEST)) == MANIFEST


def test_the_embedded_form_leaves_only_the_files_out() -> None:
    text = dump_manifest(MANIFEST, embedded=True)
    assert "files" not in json.loads(text)
    assert parse_manifest(text) == dataclasses.replace(MANIFEST, files=None)


def test_names_are_written_as_they_are() -> None:
    assert '"🎸 guitar"' in dump_manifest(MANIFEST)


def test_the_input_size_is_that_of_the_crop() -> None:
    assert MANIFEST.crop_hw == MANIFEST.preprocessing.crop_hw


def test_the_usual_fit_is_not_written_and_others_are() -> None:
    assert "fit" not in json.loads(dump_manifest(MANIFEST))["preprocessing"]
    padding = dataclasses.replace(MANIFEST.preprocessing, fit="pad")
    padded = dataclasses.replace(MANIFEST, preprocessing=padding)
    assert json.loads(dump_manifest(padded, embedded=True))["preprocessing"]["fit"] == "pad"
    assert parse_manifest(dump_manifest(padded)) == padded


def test_a_manifest_of_before_is_read() -> None:
    data = json.loads(dump_manifest(MANIFEST))
    data["rejection"] = {"score": "max_logit", "threshold": 6.0, "accepted": 1.0}
    del data["conformal"]
    assert parse_manifest(json.dumps(data)) == MANIFEST


@pytest.mark.parametrize("version", [0, 2, "1", 1.5, None, [1]])
def test_another_format_version_is_refused(version: Any) -> None:
    with pytest.raises(InvalidManifest, match=r"format_version .* reads 1"):
        parse_manifest(edited("format_version", version))


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("colour", "red", "manifest has unknown keys ['colour']"),
        ("calibration.method", "x", "manifest.calibration has unknown keys ['method']"),
        ("version", "1", "manifest.version must be of type int, got '1'"),
        ("version", 0, "manifest: version must be positive"),
        ("name", "../x", "manifest: model name '../x' is not allowed"),
        ("labels", "abc", "manifest.labels must be a list"),
        ("labels", ["a"], "manifest: need at least two different labels"),
        ("labels", ["a", "a"], "manifest: need at least two different labels"),
        ("labels", ["a", 2], "manifest.labels[1] must be of type str, got 2"),
        ("preprocessing.crop_hw", [17, 16], "manifest.preprocessing: crop_hw must be"),
        ("preprocessing.mean", [0, 0, "0"], "manifest.preprocessing.mean[2] must be a finite"),
        ("calibration.temperature", 0, "manifest.calibration: temperature must be positive"),
        ("calibration.temperature", True, "manifest.calibration.temperature must be a finite"),
        ("rejection.score", "energy", "manifest.rejection.score must be one of ['max_logit', 'fam"),
        ("metrics.val.per_class.red.f1", None, "manifest.metrics.val.per_class.red.f1 must be"),
        ("files", {"fp64": {}}, "each key of manifest.files must be one of"),
        ("files.fp32.file", "/etc/passwd", "manifest: file of fp32 must be 'model.onnx'"),
        ("files.fp32.bytes", 10**18, "manifest.files.fp32: bytes must be 1..2147483647"),
        ("files.fp32.bytes", 0, "manifest.files.fp32: bytes must be 1..2147483647"),
        ("outputs", {"rows": {}}, "manifest: outputs names ['rows']"),
        ("files.fp32.file", "model.fp16.onnx", "manifest: file of fp32 must be 'model.onnx'"),
        ("files.fp32.bytes", 1.5, "manifest.files.fp32.bytes must be of type int"),
    ],
)
def test_what_does_not_fit_is_named_with_its_place(path: str, value: Any, message: str) -> None:
    with pytest.raises(InvalidManifest) as refusal:
        parse_manifest(edited(path, value))
    assert str(refusal.value).startswith(message)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_a_number_that_is_none_is_refused(number: float) -> None:
    with pytest.raises(InvalidManifest, match=r"manifest holds -?(NaN|Infinity), which"):
        parse_manifest(edited("parity.argmax_agreement", number))


def test_a_number_that_is_none_is_not_written() -> None:
    broken = dataclasses.replace(
        MANIFEST, parity=dataclasses.replace(MANIFEST.parity, max_abs_logit_diff=float("nan"))
    )
    with pytest.raises(ValueError, match="JSON"):
        dump_manifest(broken)


@pytest.mark.parametrize(
    "text", ["", "{", "null", "[]", '"text"', "[" * 100_000, "{}", dump_manifest(MANIFEST)[:-9]]
)
def test_what_is_no_manifest_is_refused(text: str) -> None:
    with pytest.raises(InvalidManifest):
        parse_manifest(text)


@pytest.mark.parametrize("field", [f.name for f in dataclasses.fields(Manifest)])
def test_every_part_that_was_there_from_the_beginning_is_needed(field: str) -> None:
    data = json.loads(dump_manifest(MANIFEST))
    data.pop(field, None)
    added = {
        "files": None,
        "title": None,
        "backbone_choice": None,
        "precision_rules": None,
        "conformal": None,
        "validation_answers": None,
        "precision": "fp32",
        "precisions_left_out": None,
    }
    if field in added:
        assert getattr(parse_manifest(json.dumps(data)), field) == added[field]
    else:
        with pytest.raises(InvalidManifest, match=field):
            parse_manifest(json.dumps(data))


@pytest.mark.parametrize("path", ["created", "backbone.source", "training.config.x"])
def test_half_a_character_is_refused_for_it_could_not_be_shown(path: str) -> None:
    with pytest.raises(InvalidManifest, match="half of a character"):
        parse_manifest(edited(path, "\ud800"))


def test_a_manifest_that_is_too_long_is_neither_read_nor_written() -> None:
    with pytest.raises(InvalidManifest, match="longer than"):
        parse_manifest(" " * (MAX_MANIFEST_BYTES + 1))
    with pytest.raises(InvalidManifest, match="above"):
        dump_manifest(dataclasses.replace(MANIFEST, created="x" * MAX_MANIFEST_BYTES))
