"""Labels in a file: in place of folder names, or on top of them, as people's programs write such files."""

import hashlib
from pathlib import Path
from typing import Final

from benchmarks.folders.making import FolderCase, image, tree
from training.label_source import LabelSource

CATS: Final = {"cat": 3, "dog": 3}
_SIX: Final = [f"img{n:03d}.png" for n in range(6)]


def _case(
    name: str,
    lines: str,
    images: dict[str, int],
    classes: dict[str, int] | None,
    *,
    file: str = "labels.csv",
    encoding: str = "utf-8",
    findings: str = "",
    splits: str = "",
    words: tuple[str, ...] = (),
) -> FolderCase:
    """`file` is given with --labels, but for metadata files, which are found."""
    found = Path(file).name.startswith("metadata")
    return FolderCase(
        kind="labels",
        name=name,
        make=tree(images, {file: lines.encode(encoding)}),
        classes=classes,
        findings=frozenset(findings.split()),
        splits=tuple(splits.split()),
        words=words,
        source=lambda root: LabelSource(labels=None if found else root / file),
    )


def _table(
    names: list[str],
    *,
    head: str = "file_name,label",
    sep: str = ",",
    end: str = "\n",
    labels: tuple[str, str] = ("cat", "dog"),
) -> str:
    rows = [f"{name}{sep}{labels[index % 2]}" for index, name in enumerate(names)]
    return end.join([head.replace(",", sep), *rows]) + end


def _moved(root: Path) -> Path:
    """Corrections by content: the images were renamed since."""
    tree(CATS)(root)
    first = root / "cat" / "img000.png"
    digest = hashlib.sha256(first.read_bytes()).hexdigest()
    first.rename(root / "cat" / "renamed.png")
    (root / "cat" / "img000.png").write_bytes(image())
    (root / "labels.csv").write_text(
        f"file_name,label,sha256,note\ncat/img000.png,dog,{digest},wrong\n"
    )
    return root


def _changed(root: Path) -> Path:
    tree(CATS)(root)
    (root / "labels.csv").write_text(f"file_name,label,sha256\ncat/img000.png,dog,{'0' * 64}\n")
    return root


def _given(root: Path) -> LabelSource:
    return LabelSource(labels=root / "labels.csv")


CASES: Final = [
    _case(
        "metadata.csv in the folder",
        _table(_SIX),
        {".": 6},
        CATS,
        file="metadata.csv",
        findings="labels_file",
    ),
    _case(
        "metadata.jsonl in the folder",
        "".join(
            f'{{"file_name": "{name}", "label": "{"cat" if n % 2 else "dog"}"}}\n'
            for n, name in enumerate(_SIX)
        ),
        {".": 6},
        CATS,
        file="metadata.jsonl",
    ),
    FolderCase(
        kind="labels",
        name="metadata.csv in each split",
        classes={"cat": 6, "dog": 6},
        splits=("train", "val"),
        make=tree(
            {"train": 6, "val": 6},
            {f"{split}/metadata.csv": _table(_SIX).encode() for split in ("train", "val")},
        ),
    ),
    _case(
        "metadata.csv without labels",
        "file_name,text\na.png,hello\n",
        CATS,
        CATS,
        file="metadata.csv",
        findings="metadata_not_used",
    ),
    _case("a UTF-8 file with a mark", _table(_SIX), {".": 6}, CATS, encoding="utf-8-sig"),
    _case(
        "Excel's Unicode text",
        _table(_SIX, sep="\t", end="\r\n"),
        {".": 6},
        CATS,
        encoding="utf-16",
    ),
    _case(
        "Korean Windows, CP949",
        _table(_SIX, labels=("고양이", "개")),
        {".": 6},
        {"고양이": 3, "개": 3},
        encoding="cp949",
    ),
    _case("semicolons and CRLF", _table(_SIX, sep=";", end="\r\n"), {".": 6}, CATS),
    _case("Windows paths", _table([rf"a\{name}" for name in _SIX]), {"a": 6}, CATS),
    _case(
        "another machine's paths",
        _table([rf"C:\me\photos\a\{name}" for name in _SIX]),
        {"a": 6},
        CATS,
    ),
    _case(
        "Kaggle's id,target without suffix",
        _table([n[:-4] for n in _SIX], head="id,target"),
        {"images": 6},
        CATS,
    ),
    _case("no header", _table(_SIX).partition("\n")[2], {".": 6}, CATS),
    _case(
        "a column for the split",
        "file_name,label,split\n"
        + "".join(
            f"{n},{'cat' if i % 2 else 'dog'},{'train' if i < 4 else 'test'}\n"
            for i, n in enumerate(_SIX)
        ),
        {".": 6},
        CATS,
        splits="train test",
    ),
    _case(
        "images that are not listed", _table(_SIX), {".": 8}, CATS, findings="labels_file_unlisted"
    ),
    _case(
        "lines without an image",
        _table([*_SIX, "gone.png"]),
        {".": 6},
        CATS,
        findings="labels_file_unknown",
    ),
    _case(
        "lines of which none fits an image",
        _table([f"gone{name}" for name in _SIX]),
        {".": 6},
        None,
        findings="labels_file_fits_nothing",
    ),
    _case(
        "a line twice",
        _table(_SIX) + "img000.png,cat\n",
        {".": 6},
        CATS,
        findings="labels_file_double",
    ),
    _case(
        "two labels for one image",
        _table(_SIX) + "img000.png,dog\n",
        {".": 6},
        None,
        words=("lines 2 ('cat') and 8 ('dog')",),
    ),
    _case(
        "several labels an image",
        _table(_SIX) + "x.png,cat|dog\n",
        {".": 6},
        None,
        words=("line 8", "several labels"),
    ),
    _case(
        "columns nobody knows",
        "a,b\n1,2\n",
        CATS,
        None,
        words=("no column 'file_name'", "'a', 'b'"),
    ),
    _case(
        "corrections on top of folders",
        "file_name,label\ncat/img000.png,dog\ncat/img001.png,\n",
        {"cat": 5, "dog": 3},
        {"cat": 3, "dog": 4},
        findings="labels_file",
    ),
    FolderCase(
        kind="labels",
        name="a correction follows the content",
        make=_moved,
        source=_given,
        classes={"cat": 3, "dog": 4},
    ),
    FolderCase(
        kind="labels",
        name="a correction of other content",
        make=_changed,
        source=_given,
        classes=CATS,
        findings=frozenset({"labels_file_changed"}),
    ),
]
