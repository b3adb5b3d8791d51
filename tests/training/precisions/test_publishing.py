"""A run that is asked for smaller files: what the package, the report and `inference` make of it."""

import dataclasses
import json
from pathlib import Path

import pytest

from inference.classifier import Classifier
from inference.golden import check_golden
from inference.loading import open_classifier
from inference.manifest import METADATA_KEY, Precision, parse_manifest
from inference.package import read_package
from inference.precision import multiplies_bfloat16, multiplies_int8
from inference.session import SessionConfig
from tests.training.conftest import Command
from training.precisions import gates as gate

pytestmark = pytest.mark.training

CPU = SessionConfig(provider="cpu")
# What a machine cannot do is not published there.
BF16: set[Precision] = {"bf16"} if multiplies_bfloat16() else set()


def test_a_promoted_file_is_published_and_run(
    command: Command, colours: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Whether so small a network gains is for the machine to say.
    monkeypatch.setattr(gate, "MIN_SPEEDUP", 0.0)
    outcome = command(colours, "--precisions", "fp32,int8,bf16", "--coverage", "0.8")
    folder = outcome.published
    assert "int8: published; accuracy +0.0 points" in outcome.out
    package = read_package(folder)
    assert set(package.manifest.files or {}) == {"fp32", "int8"} | BF16
    int8 = Classifier.load(package, session=CPU, precision="int8")
    inside = parse_manifest(int8.session.metadata[METADATA_KEY])
    rules = package.manifest.precision_rules
    assert int8.manifest == dataclasses.replace(
        inside, files=package.manifest.files, precision_rules=rules
    )
    assert set(rules or {}) == BF16
    assert inside.precision == "int8"
    assert inside.calibration != package.manifest.calibration
    assert inside.rejection != package.manifest.rejection
    assert inside.conformal is not None
    assert inside.conformal.coverage == 0.8
    assert check_golden(int8, folder) == 12
    assert check_golden(open_classifier(folder, session=CPU, precision="fp32"), folder) == 12
    for precision in BF16:
        bf16 = Classifier.load(package, session=CPU, precision=precision)
        assert bf16.manifest.calibration != package.manifest.calibration
        assert bf16.manifest.metrics.val.accuracy == 1
        assert check_golden(bf16, folder) == 12
    chosen = open_classifier(folder, session=CPU)
    # Whether so small a network is faster in bf16 is for the machine to say.
    assert chosen.precision in BF16 | {"int8" if multiplies_int8() else "fp32"}
    page = (folder / "report.html").read_text("utf-8")
    assert "Other precisions" in page
    assert "<td>yes</td>" in page


def test_what_is_left_out_is_explained_in_manifest_metrics_and_report(
    command: Command, colours: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "MIN_SPEEDUP", 1e9)
    folder = command(colours, "--precisions", "int8").published
    manifest = read_package(folder).manifest
    assert set(manifest.files or {}) == {"fp32"}
    assert not (folder / "model.int8.onnx").exists()
    assert manifest.precisions_left_out is not None
    reason = manifest.precisions_left_out["int8"]
    assert reason.startswith("speed gate: ")
    content = json.loads((folder / "metrics.json").read_text("utf-8"))
    (outcome,) = content["precisions"]
    assert outcome["left_out"] == reason
    assert [timing["batch"] for timing in outcome["speed"]["timings"]] == [1, 8]
    assert f"no: {reason}" in (folder / "report.html").read_text("utf-8")


def test_unless_asked_nothing_is_tried(published: Path) -> None:
    manifest = read_package(published).manifest
    assert set(manifest.files or {}) == {"fp32"}
    assert manifest.precisions_left_out is None
    assert "Other precisions" not in (published / "report.html").read_text("utf-8")


def test_an_unknown_precision_is_refused(command: Command, colours: Path) -> None:
    outcome = command(colours, "--precisions", "fp32,fp8")
    assert outcome.code == 2
    assert "'fp8' is no precision; choose of fp32, fp16, int8" in outcome.err
