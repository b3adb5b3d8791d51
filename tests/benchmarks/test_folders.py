"""Every folder of the benchmark is understood as a person would."""

from pathlib import Path

import pytest

from benchmarks.folders.__main__ import FOLDER_CASES, judge
from benchmarks.folders.file_cases import CASES as FILE_CASES
from benchmarks.folders.file_judging import judge_files
from benchmarks.folders.making import FolderCase

pytestmark = pytest.mark.training


@pytest.mark.parametrize("case", FOLDER_CASES, ids=lambda case: f"{case.kind}: {case.name}")
def test_a_folder_is_understood_as_a_person_would(case: FolderCase, tmp_path: Path) -> None:
    row = judge(case, tmp_path)
    assert row.wrong == "", row.answer
    assert "\n" not in row.answer


def test_there_are_sixty_folders_of_different_names() -> None:
    assert len({(case.kind, case.name) for case in FOLDER_CASES}) == len(FOLDER_CASES) >= 60


def test_a_file_is_understood_as_a_person_would_by_scan_command_line_and_service(
    tmp_path: Path,
) -> None:
    large = {"108-megapixels.jpg", "200-megapixels.jpg"}  # seconds each, to make
    rows = judge_files([case for case in FILE_CASES if case.name not in large], tmp_path)
    assert {row.name: row.wrong for row in rows if row.wrong} == {}
    assert len(FILE_CASES) >= 40
