"""The folder check says the same in a dry run, a run and an audit, and before a network is loaded."""

import json
from pathlib import Path

import pytest

from inference.manifest import parse_manifest
from tests.training.conftest import SIDE_PX, TINY, Command
from tests.training.folders import noisy_png, write_class, write_classes
from training.audit.__main__ import main as audit
from training.data.layout import look_at_folder

pytestmark = pytest.mark.training


@pytest.fixture
def messy(tmp_path: Path) -> Path:
    """Return a folder that can be trained on, with something of each kind beside its classes."""
    data = write_classes(tmp_path / "photos", ["cat", "dog"], count=8)
    write_class(data / "cat" / "@eaDir", 3, count=1)
    (data / "loose.png").write_bytes(noisy_png(4, 1))
    (data / "dog" / "scraped.jpg?w=200").write_bytes(noisy_png(1, 99))
    (data / "dog" / "scan.dcm").write_bytes(bytes(128) + b"DICM" + bytes(90))
    return data


def test_the_findings_are_the_same_in_a_dry_run_a_run_and_an_audit(
    command: Command, messy: Path, tmp_path: Path, weights_file: Path
) -> None:
    expected = [finding.sentence for finding in look_at_folder(messy).findings]
    assert len(expected) == 4
    dry = command(messy, "--method", "probe", "--dry-run")
    published = command(messy, "--method", "probe")
    network = ("--backbone", TINY, "--weights", str(weights_file), "--image-size", str(SIDE_PX))
    json_file, page = tmp_path / "audit.json", tmp_path / "audit.html"
    assert audit([str(messy), *network, "--json", str(json_file), "--html", str(page)]) == 0
    for sentence in expected:
        assert dry.out.count(sentence) == published.out.count(sentence) == 1
    of_run = json.loads((published.published / "metrics.json").read_text(encoding="utf-8"))["audit"]
    of_audit = json.loads(json_file.read_text(encoding="utf-8"))
    assert of_run["findings"] == of_audit["findings"]
    assert of_run["layout"] == of_audit["layout"]
    assert "1 file without an image" in page.read_text(encoding="utf-8")
    assert "metrics.json" not in dry.out


def test_all_classes_that_are_too_small_are_named_before_a_network_is_loaded(
    command: Command, tmp_path: Path
) -> None:
    data = write_classes(tmp_path / "photos", ["cat", "dog"], count=8)
    (data / "empty").mkdir()
    write_class(data / "single", 2, count=1)
    (data / "bad").mkdir()
    (data / "bad" / "1.jpg").write_bytes(b"nothing")
    outcome = command(data)
    assert outcome.code == 2
    for what in (
        "'empty' (no images)",
        "'single' (1 image)",
        "'bad' (1 file, which",
        "--min-images 2",
    ):
        assert what in outcome.err
    assert "backbone" not in outcome.out
    taken = command(data, "--min-images", "2", "--method", "probe").published
    manifest = parse_manifest((taken / "manifest.json").read_text(encoding="utf-8"))
    assert manifest.labels == ("cat", "dog")


def test_the_manifest_keeps_what_a_file_of_labels_did(command: Command, tmp_path: Path) -> None:
    data = write_classes(tmp_path / "photos", ["cat", "dog"], count=8)
    lines = "file_name,label\ncat/image0.png,dog\ncat/image1.png,\ncat/gone.png,dog\n"
    (tmp_path / "corrections.csv").write_text(lines)
    outcome = command(data, "--method", "probe", "--labels", str(tmp_path / "corrections.csv"))
    text = (outcome.published / "manifest.json").read_text(encoding="utf-8")
    applied = parse_manifest(text).dataset.labels_file
    assert applied is not None
    assert (applied.file, applied.mode) == ("corrections.csv", "corrections")
    assert (applied.lines, applied.changed, applied.left_out, applied.unknown) == (3, 1, 1, 1)
    assert parse_manifest(text).dataset.counts["train"] == {"cat": 6, "dog": 9}


def test_a_folder_of_plain_classes_has_a_manifest_as_before(
    command: Command, tmp_path: Path
) -> None:
    data = write_classes(tmp_path / "photos", ["cat", "dog"], count=6)
    manifest = (command(data, "--method", "probe").published / "manifest.json").read_text()
    assert "labels_file" not in manifest
    assert '"title"' not in manifest
