"""Subfolders that may be patients: the option that keeps each on one side of a split is named."""

import re
from pathlib import Path

import pytest

from tests.training.folders import write_class
from training.data.finding import Finding
from training.data.folder_check.groups_in_folders import GROUPS
from training.data.layout import look_at_folder
from training.label_source import LabelSource

pytestmark = pytest.mark.training


def hint(data: Path, source: LabelSource) -> Finding | None:
    return next((f for f in look_at_folder(data, source).findings if f.kind == GROUPS), None)


def test_patients_below_classes_bring_the_pattern_that_keeps_them_together(tmp_path: Path) -> None:
    for label in ("benign", "malignant"):
        for patient in range(4):
            write_class(tmp_path / label / f"patient{patient}", patient, count=3)
    found = hint(tmp_path, LabelSource(label_from="^([^/]+)/"))
    assert found is not None
    assert "(4 names, such as 'patient0')" in found.message
    option = re.search(r"--group-by '([^']+)'", found.next_step)
    assert option is not None
    match = re.search(option[1], "benign/patient2/0.png")
    assert match is not None
    assert match[1] == "patient2"


def test_a_column_of_patients_in_a_labels_file_is_named(tmp_path: Path) -> None:
    for label in ("cat", "dog"):
        write_class(tmp_path / label, 1, count=3)
    table = tmp_path / "l.csv"
    table.write_text("Patient_ID,file_name,label\n1,cat/image0.png,cat\n2,dog/image0.png,dog\n")
    found = hint(tmp_path, LabelSource(labels=table))
    assert found is not None
    assert "l.csv has a column 'patient_id'" in found.message
    assert "--group-by" in found.next_step


def test_classes_without_subfolders_or_with_given_splits_bring_none(tmp_path: Path) -> None:
    for label in ("cat", "dog"):
        write_class(tmp_path / "plain" / label, 1, count=6)
        for split in ("train", "val", "test"):
            write_class(tmp_path / "split" / split / label, 1, count=3)
    assert hint(tmp_path / "plain", LabelSource()) is None
    assert hint(tmp_path / "split", LabelSource()) is None
