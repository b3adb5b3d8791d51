"""What failed is tried again: later and later, and at once when a file has changed."""

from pathlib import Path

from service.repository.failed_loads import FailedLoads, files_stamp


def test_pauses_grow_to_ten_minutes_and_begin_anew_with_other_files() -> None:
    now = 0.0
    failed = FailedLoads(clock=lambda: now)
    pauses = [failed.note("x", "files") for _ in range(9)]
    assert pauses == [5, 10, 20, 40, 80, 160, 320, 600, 600]
    now = 599
    assert not failed.is_due("x", "files")
    assert failed.is_due("x", "other files")
    assert failed.is_due("y", "files")
    now = 600
    assert failed.is_due("x", "files")
    assert failed.note("x", "other files") == 5
    failed.forget("x")
    assert failed.note("x", "other files") == 5


def test_any_file_that_is_written_renamed_or_gets_other_rights_counts(tmp_path: Path) -> None:
    file = tmp_path / "golden" / "00.png"
    file.parent.mkdir()
    stamps = {files_stamp(tmp_path)}
    for change in (
        lambda: file.write_bytes(b"1"),
        lambda: file.write_bytes(b"12"),
        lambda: file.chmod(0o600),
        lambda: file.rename(tmp_path / "moved"),
        lambda: file.symlink_to("nowhere"),
    ):
        change()
        assert files_stamp(tmp_path) not in stamps
        stamps.add(files_stamp(tmp_path))
    assert files_stamp(tmp_path) == files_stamp(tmp_path)
