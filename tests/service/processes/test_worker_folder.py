"""Which folders of workers are left behind, and which are in use."""

from pathlib import Path

import pytest

from service.processes.worker_folder import in_use, remove_unused, worker_folder
from service.shared_folder import SharedFolder


def test_a_folder_is_there_for_as_long_as_it_is_needed() -> None:
    with worker_folder() as shared:
        assert shared.metrics_dir.is_dir()
    assert not shared.path.exists()


def test_a_folder_that_a_process_uses_is_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "graft-workers-1"
    folder.mkdir()
    shared = SharedFolder(folder)
    with in_use(shared):
        with in_use(shared):
            remove_unused(folder)
        remove_unused(folder)
        assert folder.exists()
    remove_unused(folder)
    assert not folder.exists()


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    link = tmp_path / "graft-workers-1"
    link.symlink_to(elsewhere)
    remove_unused(link)
    assert elsewhere.exists()


def test_one_that_was_just_made_may_not_be_locked_yet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / "graft-workers-1").mkdir()
    with worker_folder():
        assert (tmp_path / "graft-workers-1").exists()
