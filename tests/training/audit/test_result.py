"""The fixed JSON, and the sentences."""

import json
import shutil
from pathlib import Path

import pytest

from tests.training.audit.photos import audit_folder, photo, write_photos

pytestmark = pytest.mark.training

RED, BLUE = (190, 80, 80), (80, 80, 190)


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    """Return two given splits of two classes, told apart by tint, nothing wrong with them."""
    for number, (split, count) in enumerate((("train", 24), ("test", 22))):
        for shift, (label, tint) in enumerate((("red", RED), ("blue", BLUE))):
            start = 1000 * number + 100 * shift
            write_photos(tmp_path / "data" / split / label, range(start, start + count), tint)
    return tmp_path / "data"


@pytest.fixture
def faulty(sound: Path) -> Path:
    """Return the same folder with one fault of each kind."""
    train, test = sound / "train", sound / "test"
    shutil.copy(train / "red" / "0.png", train / "red" / "equal.png")
    photo(1, tint=RED).save(train / "red" / "near.jpg", quality=50)
    shutil.copy(test / "red" / "1000.png", train / "red" / "leak.png")
    shutil.copy(train / "blue" / "101.png", train / "red" / "under-red.png")
    write_photos(train / "red", [500], BLUE)
    (train / "blue" / "empty.jpg").touch()
    return sound


def test_nothing_is_found_in_a_sound_folder(sound: Path, tmp_path: Path) -> None:
    audit = audit_folder(sound, tmp_path)
    # By chance one of ninety photos may be the farthest from the rest; nothing else may be said.
    assert {finding.kind for finding in audit.findings} <= {"outliers"}
    assert len(audit.outliers) <= 1
    assert audit.class_counts() == {"blue": 46, "red": 46}


def test_the_json_has_each_fault_in_its_place(faulty: Path, tmp_path: Path) -> None:
    found = json.loads(json.dumps(audit_folder(faulty, tmp_path).to_json()))
    suspects = {entry.pop("path"): entry for entry in found.pop("suspect_labels")}
    assert found.pop("outliers") is not None
    assert found.pop("layout") == {
        "labels_from": "splits with one subfolder per class",
        "splits": ["train", "test"],
        "classes": [
            {"label": "blue", "files": 47, "example": "train/blue/100.png"},
            {"label": "red", "files": 51, "example": "train/red/0.png"},
        ],
    }
    assert {entry["kind"] for entry in found.pop("findings")} >= {"leakage", "quarantined"}
    assert found == {
        "images": 97,
        "classes": {"blue": 46, "red": 51},
        "quarantined": [
            {
                "path": "train/blue/empty.jpg",
                "reason": "image is empty (0 bytes); replace it with the whole file",
            }
        ],
        "exact_duplicates": [
            ["train/blue/101.png", "train/red/under-red.png"],
            ["train/red/0.png", "train/red/equal.png"],
            ["train/red/leak.png", "test/red/1000.png"],
        ],
        "near_duplicates": [["train/red/1.png", "train/red/near.jpg"]],
        "conflicting_labels": [["train/blue/101.png", "train/red/under-red.png"]],
        "leakage": [
            {"paths": ["train/red/leak.png", "test/red/1000.png"], "splits": ["train", "test"]}
        ],
    }
    assert suspects["train/red/500.png"]["label"] == "red"
    assert suspects["train/red/500.png"]["suggested"] == "blue"
    assert 0 <= suspects["train/red/500.png"]["score"] < 0.05


def test_findings_are_worst_first_and_say_how_many(faulty: Path, tmp_path: Path) -> None:
    findings = audit_folder(faulty, tmp_path).findings
    severities = [finding.severity for finding in findings]
    assert severities == sorted(severities, key=["error", "warning", "info"].index)
    messages = {finding.kind: finding.message for finding in findings}
    assert messages["leakage"].startswith(
        "1 photo is in more than one split (2 files), 1 of them as exact duplicates"
    )
    # The two others lie in two splits and under two labels, which is not harmless and said above.
    assert messages["exact_duplicates"] == "1 exact duplicate"
    assert messages["quarantined"] == "1 file cannot be read as an image and is left out"


@pytest.fixture
def copied(sound: Path) -> Path:
    """Return a folder with a photo in two splits and one under two labels, altered each."""
    photo(1001, tint=RED).save(sound / "train" / "red" / "leak.jpg", quality=50)
    photo(102, tint=BLUE).save(sound / "train" / "red" / "under-red.jpg", quality=50)
    return sound


def severities(folder: Path, work: Path, *tolerated: str) -> dict[str, str]:
    """Return the severity of what would make an accuracy false."""
    findings = audit_folder(folder, work, tolerated=tolerated).findings
    return {f.kind: f.severity for f in findings if f.kind in ("leakage", "conflicting_labels")}


def test_only_what_stops_a_run_is_an_error(copied: Path, tmp_path: Path) -> None:
    warnings = {"leakage": "warning", "conflicting_labels": "warning"}
    assert severities(copied, tmp_path) == warnings
    shutil.copy(copied / "test" / "red" / "1000.png", copied / "train" / "red" / "leak.png")
    assert severities(copied, tmp_path) == warnings | {"leakage": "error"}
    assert severities(copied, tmp_path, "leakage") == warnings


def test_few_and_unequal_classes_are_told(tmp_path: Path) -> None:
    write_photos(tmp_path / "data" / "many", range(36), RED)
    write_photos(tmp_path / "data" / "few", range(50, 53), BLUE)
    findings = {f.kind: f for f in audit_folder(tmp_path / "data", tmp_path).findings}
    message = findings["few_images"].message
    assert message == (
        "under 20 images in 'few' (3): too few to hold some of them out and measure by those"
    )
    assert "'many' has 12.0 times the images of 'few' (36 to 3)" in findings["imbalance"].message
    assert findings["imbalance"].severity == "warning"
    assert findings["imbalance"].next_step.endswith("weighed as if they were equal")


def test_classes_that_are_not_weighed_are_not_said_to_be(tmp_path: Path) -> None:
    write_photos(tmp_path / "data" / "many", range(25), RED)
    write_photos(tmp_path / "data" / "few", range(50, 60), BLUE)
    findings = {f.kind: f for f in audit_folder(tmp_path / "data", tmp_path).findings}
    assert findings["imbalance"].next_step == "add images of 'few'"


def test_with_a_given_val_few_training_images_are_told_and_no_cross_validation(
    tmp_path: Path,
) -> None:
    data = tmp_path / "data"
    for label, first, tint in (("many", 0, RED), ("few", 200, BLUE)):
        write_photos(data / "val" / label, range(first, first + 18), tint)
    write_photos(data / "train" / "many", range(50, 72), RED)
    write_photos(data / "train" / "few", range(250, 256), BLUE)
    findings = {f.kind: f for f in audit_folder(data, tmp_path).findings}
    assert findings["few_images"].sentence == (
        "under 20 training images in 'few' (6): few to learn a class from; add images"
    )
