"""Folders by what else lies in them: clutter, odd names, odd files, classes too small."""

import unicodedata
from pathlib import Path
from typing import Final

from benchmarks.folders.making import FolderCase, case, image, named, tree

_HEIC: Final = b"\0\0\0\x18ftypheic\0\0\0\0heicmif1" + bytes(40)
_RAW: Final = b"II*\0\x10\0\0\0CR\2\0" + bytes(40)
_DICOM: Final = bytes(128) + b"DICM" + bytes(60)
_VIDEO: Final = b"\0\0\0\x14ftypqt  \0\0\0\0qt  " + bytes(40)
CATS: Final = {"cat": 3, "dog": 3}

_NFC, _NFD = "카페", unicodedata.normalize("NFD", "카페")
_TWINS = [
    case(
        "twins",
        "Cat and cat",
        {"Cat": 3, "cat": 3, "dog": 3},
        None,
        words=("'Cat' (3 images)", "'cat' (3)", "merge"),
    ),
    case(
        "twins", "cat and 'cat '", {"cat": 3, "cat ": 3, "dog": 3}, None, words=("'cat '", "blanks")
    ),
    case("twins", "cat and 'cat.'", {"cat": 3, "cat.": 3, "dog": 3}, None, words=("'cat.'",)),
    case(
        "twins", "one name in two encodings", {_NFC: 3, _NFD: 3, "dog": 3}, None, words=("encoded",)
    ),
    case(
        "twins",
        "letters A and a, said so",
        {"A": 3, "a": 3},
        {"A": 3, "a": 3},
        pattern="^([^/]+)/",
        findings="twin_labels",
    ),
    case(
        "twins",
        "names that Windows cannot hold",
        {"a:b": 3, "con": 3, "dog": 3},
        {"a:b": 3, "con": 3, "dog": 3},
        findings="windows_names",
    ),
]

_SMALL = [
    case(
        "small",
        "an empty class and one of one photo",
        CATS | {"fox": 0, "owl": 1},
        None,
        words=("'fox' (no images)", "'owl' (1 image)", "--min-images 2"),
    ),
    case(
        "small",
        "the same, left out",
        CATS | {"fox": 0, "owl": 1},
        CATS,
        min_images=2,
        findings="small_classes_left_out",
    ),
    case(
        "small",
        "fewer than five left out",
        {"cat": 6, "dog": 6, "owl": 4},
        {"cat": 6, "dog": 6},
        min_images=5,
        findings="small_classes_left_out",
    ),
    case(
        "small", "nothing would be left", CATS, None, min_images=9, words=("leaves 0 of 2 classes",)
    ),
    case(
        "small",
        "a class that cannot be read",
        CATS,
        None,
        files={"fox/a.jpg": b"no image", "fox/b.jpg": b""},
        words=("'fox' (2 files and none can be used)",),
    ),
    case(
        "small",
        "a class of one photo twice",
        CATS,
        None,
        files=dict.fromkeys(("fox/a.png", "fox/b.png"), image()),
        words=("'fox' (1 of 2 images",),
    ),
]

_CLUTTER = [
    case(
        "clutter",
        "Synology's thumbnails",
        CATS,
        CATS,
        findings="clutter",
        files=named({"cat/@eaDir/img{}.png/SYNOPHOTO_THUMB_M": 3, "@eaDir/x{}": 1}),
    ),
    case(
        "clutter",
        "recycle bins",
        CATS | {"$RECYCLE.BIN/S-1": 2, "#recycle": 2, ".Trash-1000/files": 2},
        CATS,
        findings="clutter",
    ),
    case(
        "clutter",
        "a repaired disk",
        CATS | {"lost+found": 1, "System Volume Information": 1},
        CATS,
        findings="clutter",
    ),
    case(
        "clutter",
        "a Mac's archive",
        CATS | {"__MACOSX/cat": 2},
        CATS,
        findings="clutter",
        files=named({"cat/._img{}": 2}) | {"cat/.DS_Store": b"\0\0\0\1Bud1"},
    ),
    case(
        "clutter",
        "notebooks and caches",
        CATS | {".ipynb_checkpoints": 2, "cat/.ipynb_checkpoints": 2, "__pycache__": 0},
        CATS,
        findings="clutter",
    ),
    case(
        "clutter",
        "Windows' thumbnails",
        CATS,
        CATS,
        findings="clutter",
        files={"cat/Thumbs.db": image(), "dog/desktop.ini": b"[x]"},
    ),
    case(
        "clutter",
        "texts beside images",
        CATS,
        CATS,
        files={"cat/notes.txt": b"BMW and others", "labels.csv": b"a,b\n", "README": b"text"},
    ),
]

_SUFFIXES = [
    case(
        "suffixes",
        "a scraper's names",
        CATS,
        {"cat": 7, "dog": 3},
        findings="odd_suffixes",
        files={
            f"cat/{name}": image() for name in ("a.jpg_large", "b.jpg?w=200", "c.JPG.1", "3f9ab2")
        },
    ),
    case(
        "suffixes",
        "no suffix at all",
        {},
        CATS,
        findings="odd_suffixes",
        files={
            f"{label}/{n:08x}": image("JPEG" if n else "WEBP") for label in CATS for n in range(3)
        },
    ),
    case(
        "suffixes",
        "a telephone's HEIC beside JPEG",
        CATS,
        CATS | {"cat": 7},
        files={f"cat/IMG_{n}.HEIC": _HEIC + bytes([n]) for n in range(4)},
    ),
    case(
        "suffixes",
        "a camera's raw files beside JPEG",
        CATS,
        CATS,
        findings="unread_pictures",
        files={f"cat/IMG_{n}.CR2": _RAW for n in range(4)},
    ),
    case(
        "suffixes",
        "videos of live photos",
        CATS,
        CATS,
        files={f"cat/IMG_{n}.MOV": _VIDEO for n in range(4)},
    ),
    case(
        "suffixes",
        "a hospital's files only",
        {},
        None,
        words=("DICOM",),
        files={f"{c}/{n}.dcm": _DICOM + bytes([n]) for c in ("ill", "well") for n in range(4)},
    ),
]


def _linked(root: Path) -> Path:
    tree(CATS)(root)
    (root / "cat" / "self").symlink_to(".")
    (root / "cat" / "up").symlink_to("..")
    (root / "dog" / "loop").symlink_to("loop")
    return root


def _linked_class(root: Path) -> Path:
    tree({"cat": 3})(root / "data")
    tree({"dog": 3})(root / "elsewhere")
    (root / "data" / "dog").symlink_to(root / "elsewhere" / "dog")
    return root / "data"


_LINKS = [
    FolderCase(kind="links", name="links in circles", make=_linked, classes=CATS),
    FolderCase(kind="links", name="a class that is a link", make=_linked_class, classes=CATS),
]

CASES: Final = [*_TWINS, *_SMALL, *_CLUTTER, *_SUFFIXES, *_LINKS]
