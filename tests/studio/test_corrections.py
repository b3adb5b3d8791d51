"""Corrections: on the disk when the call returns, in the format that training reads."""

import csv
import threading
from pathlib import Path

import pytest

from studio.errors import BadInput, DiskProblem
from studio.projects.corrections import Correction, Corrections

A, B = "a" * 64, "b" * 64


def said(sha256: str, label: str, name: str = "photo.jpg") -> Correction:
    return Correction(file_name=name, sha256=sha256, label=label, note="")


def test_what_was_said_is_on_the_disk_and_another_studio_sees_it(tmp_path: Path) -> None:
    here, there = Corrections(tmp_path), Corrections(tmp_path)
    assert here.put(said(A, "hat", '사진, "새".jpg')) == [None]
    assert there.read()[A].label == "hat"
    assert there.put(said(A, "")) == [said(A, "hat", '사진, "새".jpg')]
    assert here.read()[A].label == ""
    here.put(said(B, "shoe"))
    with here.file.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [(row["sha256"], row["label"]) for row in rows] == [(A, ""), (B, "shoe")]
    assert here.remove(A, B) == [said(A, ""), said(B, "shoe")]
    assert there.read() == {}


def test_two_studios_at_once_lose_no_answer(tmp_path: Path) -> None:
    def answer(start: int) -> None:
        corrections = Corrections(tmp_path)
        for number in range(start, start + 20):
            corrections.put(said(f"{number:064x}", "hat"))

    threads = [threading.Thread(target=answer, args=(100 * i,)) for i in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(Corrections(tmp_path).read()) == 60


def test_a_damaged_file_is_named_and_never_written_over(tmp_path: Path) -> None:
    corrections = Corrections(tmp_path)
    corrections.file.write_bytes(b"file_name;label\nx;y\n")
    with pytest.raises(BadInput, match=r"corrections\.csv"):
        corrections.put(said(A, "hat"))
    assert corrections.file.read_bytes() == b"file_name;label\nx;y\n"


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "workspace").write_text("a file in the way")
    with pytest.raises(DiskProblem):
        Corrections(tmp_path / "workspace").put(said(A, "hat"))


def test_lines_without_a_hash_stay(tmp_path: Path) -> None:
    corrections = Corrections(tmp_path)
    given = "file_name,sha256,label,note\na.jpg,,hat,\nb.jpg,,shoe,\n"
    corrections.file.write_text(given)
    corrections.put(said(A, "hat"))
    assert corrections.file.read_text() == f"{given}photo.jpg,{A},hat,\n"
