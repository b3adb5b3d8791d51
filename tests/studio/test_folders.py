"""Folders: below the roots, and nowhere else."""

from pathlib import Path

import pytest

from studio.errors import BadInput, NotAllowed, NotFound
from studio.folders.browse import count_classes, view_folder
from studio.folders.roots import allowed_folder


def test_a_folder_outside_the_roots_is_refused_also_through_a_link(tmp_path: Path) -> None:
    root, secret = tmp_path / "root", tmp_path / "secret"
    for folder in (root, secret, tmp_path / "root-of-another"):
        folder.mkdir()
    (root / "link").symlink_to(secret)
    roots = (root,)
    assert allowed_folder(str(root), roots) == root
    for text in (
        str(secret),
        str(root / "link"),
        f"{root}/../secret",
        "/",
        str(tmp_path / "root-of-another"),
    ):
        with pytest.raises(NotAllowed):
            allowed_folder(text, roots)
    with pytest.raises(NotFound):
        allowed_folder(str(root / "missing"), roots)
    for text in ("", "a\0b", "~nobody-here/x", f"{root}/{'x' * 5000}", "\ud800"):
        with pytest.raises(BadInput):
            allowed_folder(text, roots)


def test_a_view_counts_images_and_hides_hidden_folders(tmp_path: Path) -> None:
    for name in ("class10", "class2", ".hidden"):
        (tmp_path / name).mkdir()
    (tmp_path / "class2" / "a.JPG").touch()
    (tmp_path / "class2" / "notes.txt").touch()
    view = view_folder(tmp_path, (tmp_path,))
    assert [(sub.name, sub.images) for sub in view.subfolders] == [("class2", 1), ("class10", 0)]
    assert view.parent is None
    assert view_folder(tmp_path / "class2", (tmp_path,)).parent == str(tmp_path)


def test_every_class_is_counted_to_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("studio.folders.browse._MOST_SHOWN", 1)
    monkeypatch.setattr("studio.folders.browse._LOOKED_AT", 1)
    for label in ("hat", "shoe"):
        (tmp_path / label).mkdir()
        for number in range(3):
            (tmp_path / label / f"{number}.jpg").touch()
    assert count_classes(tmp_path) == [("hat", 3), ("shoe", 3)]
