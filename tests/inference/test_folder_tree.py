"""Which files of a folder are images: by suffix or first bytes, without clutter, each folder once."""

import os
from pathlib import Path

from inference.folder_tree import read_tree, walk
from tests.builders import coloured

PNG = coloured("red")


def images(root: Path) -> list[str]:
    """Return the paths of the images below `root`, in order."""
    return [
        (path / name).relative_to(root).as_posix()
        for path, folder in walk(read_tree(root), root)
        for name in folder.images
    ]


def write(root: Path, *names: str, content: bytes = PNG) -> None:
    """Write files with this content."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)


def test_a_folders_own_images_come_before_those_of_its_subfolders(tmp_path: Path) -> None:
    write(tmp_path, "b/2.png", "b/a/1.png", "z.png", "a.png", "b/10.png")
    assert images(tmp_path) == ["a.png", "z.png", "b/10.png", "b/2.png", "b/a/1.png"]


def test_files_without_an_image_suffix_are_told_by_their_first_bytes(tmp_path: Path) -> None:
    write(tmp_path, "a.jpg_large", "b.jpg?w=200", "c.JPG.1", "3f9ab2", "d.txt")
    write(tmp_path, "notes", "list.csv", content=b"BMW, Mercedes and others\n")
    write(tmp_path, "e.png", content=b"no image: the scan says so")
    tree = read_tree(tmp_path)
    assert tree.images == ["3f9ab2", "a.jpg_large", "b.jpg?w=200", "c.JPG.1", "d.txt", "e.png"]
    assert tree.odd == tree.images[:-1]
    assert [(name, kind.name) for name, kind in tree.others] == [
        ("list.csv", "text file"),
        ("notes", "text file"),
    ]


def test_clutter_is_left_alone_at_any_depth(tmp_path: Path) -> None:
    write(tmp_path, "@eaDir/a.png", "cat/@eaDir/b.jpg/SYNOPHOTO_THUMB_M.jpg", "$RECYCLE.BIN/c.png")
    write(tmp_path, "cat/._d.png", "cat/Thumbs.db", "lost+found/e.png", ".ipynb_checkpoints/f.png")
    write(tmp_path, "cat/photo.png")
    assert images(tmp_path) == ["cat/photo.png"]


def test_links_in_circles_end_and_each_real_folder_counts_once(tmp_path: Path) -> None:
    write(tmp_path, "photos/cat/1.png", "photos/dog/2.png")
    (tmp_path / "photos" / "cat" / "up").symlink_to("..")
    (tmp_path / "photos" / "cat" / "root").symlink_to("/")
    (tmp_path / "photos" / "cat" / "self").symlink_to("self")
    (tmp_path / "photos" / "x").symlink_to("dog")
    found = images(tmp_path / "photos")
    assert len(found) == 2
    assert "cat/1.png" in found


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert images(tmp_path) == []
