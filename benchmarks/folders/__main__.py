"""Is each folder, and each file, understood as a person would? Prints a table; exit code 1 if one is not.

python -m benchmarks.folders
python -m benchmarks.folders --only labels
python -m benchmarks.folders --only file
"""

import argparse
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmarks.folders import archive_cases, content_cases, folder_cases, label_cases, nested_cases
from benchmarks.folders.file_cases import CASES as FILE_CASES
from benchmarks.folders.file_judging import judge_files
from benchmarks.folders.making import FolderCase
from benchmarks.folders.row import Row
from training.data.folder import Folder
from training.data.layout import raise_errors
from training.data.open_folder import open_folder
from training.errors import TrainingError

FOLDER_CASES = (
    *folder_cases.CASES,
    *nested_cases.CASES,
    *content_cases.CASES,
    *label_cases.CASES,
    *archive_cases.CASES,
)


def judge(case: FolderCase, work: Path) -> Row:
    """Look at a case's folder as a run does, and hold the answer against the right one."""
    root = work / "photos"
    root.mkdir(parents=True)
    data = case.make(root)
    try:
        folder = open_folder(
            data, case.source(data), min_images=case.min_images, cache_dir=work / "cache"
        )
        raise_errors(folder)
    except TrainingError as err:
        return _row(case, f"stops: {err}", _wrong_refusal(case, str(err)))
    counts = {one.label: one.files for one in folder.classes()}
    answer = ", ".join(f"{label} {number}" for label, number in counts.items())
    noted = ", ".join(f"{finding.kind} {finding.count}" for finding in folder.findings)
    return _row(
        case, answer + (f" [{noted}]" if noted else ""), _wrong_answer(case, folder, counts)
    )


def _row(case: FolderCase, answer: str, wrong: str) -> Row:
    return Row(kind=case.kind, name=case.name, answer=answer, wrong=wrong)


def _wrong_refusal(case: FolderCase, message: str) -> str:
    if case.classes is not None:
        return f"should give {dict(case.classes)}"
    missing = [word for word in case.words if word not in message]
    return f"the sentence lacks {missing}" if missing else ""


def _wrong_answer(case: FolderCase, folder: Folder, counts: dict[str, int]) -> str:
    if case.classes is None:
        return "should stop"
    if counts != dict(case.classes):
        return f"should give {dict(case.classes)}"
    if folder.given_splits != case.splits:
        return f"splits are {folder.given_splits}, not {case.splits}"
    found = {finding.kind for finding in folder.findings}
    warnings = {finding.kind for finding in folder.findings if finding.severity == "warning"}
    if missing := case.findings - found:
        return f"lacks the findings {sorted(missing)}"
    if extra := warnings - case.findings:
        return f"has the findings {sorted(extra)}"
    return ""


def judge_all(cases: Iterable[FolderCase]) -> list[Row]:
    """Judge each case in a folder of its own."""
    rows = []
    for case in cases:
        with tempfile.TemporaryDirectory() as work:
            rows.append(judge(case, Path(work)))
    return rows


def _print(rows: Sequence[Row]) -> None:
    for row in rows:
        print(f"{'wrong' if row.wrong else 'right'}  {row.kind:<9} {row.name:<42} {row.answer}")
        if row.wrong:
            print(f"       {row.wrong}")
    print(f"{sum(not row.wrong for row in rows)} of {len(rows)} right")


def main(argv: list[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.folders", description=__doc__)
    parser.add_argument("--only", help="cases of one kind")
    args = parser.parse_args(argv)
    rows = judge_all(case for case in FOLDER_CASES if args.only in (None, case.kind))
    if args.only in (None, "file"):
        with tempfile.TemporaryDirectory() as work:
            rows += judge_files(FILE_CASES, Path(work))
    _print(rows)
    return int(any(row.wrong for row in rows))


if __name__ == "__main__":
    sys.exit(main())
