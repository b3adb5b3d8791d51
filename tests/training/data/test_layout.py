"""What a folder means: classes, splits, and what is overlooked on purpose."""

import os
import unicodedata
from pathlib import Path

import pytest

from tests.training.folders import unprivileged, write_class, write_classes
from training.data.folder_check.empty_or_small_classes import check_class_sizes
from training.data.labels_file import read_labels_file
from training.data.layout import look_at_folder, natural_key, read_folder
from training.errors import DataError
from training.label_source import LabelSource

pytestmark = pytest.mark.training


def names(root: Path) -> list[str]:
    """Return the paths of the images found, below `root`."""
    folder = read_folder(root)
    return sorted(folder.relative(file) for file in folder.files)


def test_a_flat_folder_has_a_class_for_each_sub_folder_and_no_split(tmp_path: Path) -> None:
    folder = read_folder(write_classes(tmp_path, ["cat", "dog"], count=2))
    assert folder.labels == ("cat", "dog")
    assert folder.given_splits == ()
    assert {(file.label, file.split) for file in folder.files} == {("cat", None), ("dog", None)}
    assert len(folder.files) == 4


@pytest.mark.parametrize("val_name", ["val", "valid", "validation", "Validation"])
def test_given_splits_are_honoured_under_each_of_their_names(tmp_path: Path, val_name: str) -> None:
    for seed, split in enumerate(("train", val_name, "test")):
        write_classes(tmp_path / split, ["cat", "dog"], count=2, seed=seed)
    folder = read_folder(tmp_path)
    assert folder.given_splits == ("train", "val", "test")
    by_folder = {(f.path.parent.parent.name, f.split) for f in folder.files}
    assert by_folder == {("train", "train"), (val_name, "val"), ("test", "test")}


def test_two_names_for_one_split_are_refused(tmp_path: Path) -> None:
    for split in ("train", "val", "valid"):
        write_classes(tmp_path / split, ["cat", "dog"], count=1)
    with pytest.raises(DataError, match=r"'val' and 'valid' mean val"):
        read_folder(tmp_path)


def test_train_alone_is_a_flat_folder(tmp_path: Path) -> None:
    """Nothing was split off, so the split is still to be made."""
    write_classes(tmp_path / "train", ["cat", "dog"], count=2)
    folder = read_folder(tmp_path)
    assert folder.labels == ("cat", "dog")
    assert folder.given_splits == ()


def test_train_may_be_a_class(tmp_path: Path) -> None:
    """A folder of vehicles has a class "train", which holds images itself."""
    folder = read_folder(write_classes(tmp_path, ["bus", "train", "val"], count=2))
    assert folder.labels == ("bus", "train", "val")
    assert folder.given_splits == ()


def test_a_class_missing_in_one_split_is_refused_by_name(tmp_path: Path) -> None:
    write_classes(tmp_path / "train", ["cat", "dog"], count=1)
    write_classes(tmp_path / "test", ["cat"], count=1)
    with pytest.raises(DataError, match=r"test/ lacks the class folder 'dog'"):
        read_folder(tmp_path)


def test_one_class_is_refused_by_name(tmp_path: Path) -> None:
    write_classes(tmp_path, ["cat"], count=2)
    with pytest.raises(DataError, match="only the class 'cat'"):
        read_folder(tmp_path)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no class folders"):
        read_folder(tmp_path)


def test_images_without_class_folders_are_refused(tmp_path: Path) -> None:
    write_class(tmp_path, 0, count=3)
    with pytest.raises(DataError, match="no class folders"):
        read_folder(tmp_path)


def test_a_missing_folder_is_told_from_a_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        read_folder(tmp_path / "nowhere")
    (tmp_path / "file.zip").touch()
    with pytest.raises(DataError, match="is a file"):
        read_folder(tmp_path / "file.zip")


def test_hidden_files_and_clutter_are_overlooked(tmp_path: Path) -> None:
    write_classes(tmp_path, ["cat", "dog"], count=1)
    for path in (".hidden.png", "Thumbs.db", "desktop.ini", ".DS_Store"):
        (tmp_path / "cat" / path).touch()
    for clutter in (".git", "__MACOSX"):
        write_class(tmp_path / clutter, 2, count=1)
        write_class(tmp_path / "cat" / clutter, 2, count=1)
    folder = read_folder(tmp_path)
    assert folder.labels == ("cat", "dog")
    assert names(tmp_path) == ["cat/image0.png", "dog/image0.png"]
    assert folder.ignored == {}


def test_unknown_images_lie_beside_the_classes_or_the_splits(tmp_path: Path) -> None:
    for split in ("train", "test"):
        write_classes(tmp_path / split, ["cat", "dog"], count=1)
    unknown = write_class(tmp_path / "_unknown" / "deeper", 2, count=2)
    unknown += write_class(tmp_path / "test" / "_unknown", 3, count=1)
    (tmp_path / "_unknown" / "notes.txt").write_text("no image")
    folder = read_folder(tmp_path)
    assert [file.path for file in folder.unknown] == unknown
    assert {(file.label, file.split) for file in folder.unknown} == {("_unknown", None)}
    assert len(folder.files) == 4


def test_the_folder_of_unknown_images_is_no_class(tmp_path: Path) -> None:
    write_classes(tmp_path, ["cat", "dog", "_unknown"], count=1)
    folder = read_folder(tmp_path)
    assert folder.labels == ("cat", "dog")
    assert len(folder.files) == 2


def test_images_of_no_class_get_no_label_by_a_pattern(tmp_path: Path) -> None:
    write_classes(tmp_path / "photos", ["cat", "dog"], count=2)
    for place in (tmp_path, tmp_path / "photos"):
        write_class(place / "_unknown", 2, count=1)
    folder = read_folder(tmp_path, LabelSource(label_from=r"([^/]+)/[^/]+$"))
    assert folder.labels == ("cat", "dog")
    assert len(folder.files) == 4
    assert len(folder.unknown) == 2


def test_corrections_that_leave_a_whole_split_out_leave_a_folder_to_be_split(
    tmp_path: Path,
) -> None:
    for split in ("train", "val"):
        write_classes(tmp_path / "photos" / split, ["cat", "dog"], count=2)
    left_out = [f"val/{label}/image{i}.png," for label in ("cat", "dog") for i in range(2)]
    lines = ["file_name,label", "train/cat/image0.png,dog", *left_out]
    (tmp_path / "labels.csv").write_text("\n".join(lines))
    folder = read_folder(tmp_path / "photos", LabelSource(labels=tmp_path / "labels.csv"))
    assert folder.given_splits == ()
    assert {file.split for file in check_class_sizes(folder, min_images=None).files} == {None}


def test_other_files_are_counted_by_suffix(tmp_path: Path) -> None:
    write_classes(tmp_path, ["cat", "dog"], count=1)
    for path in ("cat/notes.txt", "cat/more.TXT", "dog/labels.csv", "dog/README"):
        (tmp_path / path).touch()
    folder = read_folder(tmp_path)
    assert folder.ignored == {".txt": 2, ".csv": 1, "(no suffix)": 1}
    assert len(folder.files) == 2


def test_suffixes_count_in_any_case_and_depth(tmp_path: Path) -> None:
    write_classes(tmp_path, ["cat", "dog"], count=1)
    write_class(tmp_path / "cat" / "2024" / "may", 0, count=1, suffix=".JPG")
    assert "cat/2024/may/image0.JPG" in names(tmp_path)


def test_a_loop_of_links_is_walked_once(tmp_path: Path) -> None:
    write_classes(tmp_path, ["cat", "dog"], count=1)
    (tmp_path / "cat" / "loop").symlink_to(tmp_path / "cat", target_is_directory=True)
    assert names(tmp_path) == ["cat/image0.png", "dog/image0.png"]


def test_a_linked_class_folder_is_followed(tmp_path: Path) -> None:
    write_class(tmp_path / "elsewhere", 1, count=1)
    write_class(tmp_path / "data" / "cat", 0, count=1)
    (tmp_path / "data" / "dog").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    assert names(tmp_path / "data") == ["cat/image0.png", "dog/image0.png"]


def test_two_spellings_of_one_name_are_refused(tmp_path: Path) -> None:
    """A folder copied from a Mac may have "é" in two code points beside "é" in one."""
    composed = "café"
    write_classes(tmp_path, [composed, unicodedata.normalize("NFD", composed), "x"], count=1)
    with pytest.raises(DataError, match="merge them"):
        read_folder(tmp_path)


@pytest.mark.parametrize("label", ["제니", "리사 (블랙핑크)", "🐈", "with space", "a'b\"c", "<b>"])
def test_a_class_may_have_any_name_and_is_stored_composed(tmp_path: Path, label: str) -> None:
    write_classes(tmp_path, [unicodedata.normalize("NFD", label), "zz"], count=1)
    assert unicodedata.normalize("NFC", label) in read_folder(tmp_path).labels


def test_labels_are_in_natural_order(tmp_path: Path) -> None:
    labels = ["class10", "Class2", "class1", "b"]
    assert read_folder(write_classes(tmp_path, labels, count=1)).labels == (
        "b",
        "class1",
        "Class2",
        "class10",
    )


def test_equal_names_but_for_case_have_one_order() -> None:
    assert sorted(["a", "A", "01", "1"], key=natural_key) == ["01", "1", "A", "a"]


@pytest.mark.parametrize("closed", ["cat", "cat/inside", "."])
def test_an_unreadable_folder_is_refused_by_name(
    tmp_path: Path, closed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Images that cannot be seen are not silently left out."""
    write_classes(tmp_path / "photos", ["cat", "dog"], count=1)
    write_class(tmp_path / "photos" / "cat" / "inside", 0, count=1)
    tmp_path.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    os.chmod(Path("photos", closed), 0o000)
    try:
        with unprivileged(), pytest.raises(DataError, match="may not be read") as caught:
            read_folder(Path("photos"))
    finally:
        os.chmod(Path("photos", closed), 0o755)
    assert str(Path("photos", closed)) in str(caught.value)


# "송" as EUC-KR, which archives made on Korean Windows carry: no UTF-8.
_EUC_KR = os.fsdecode(b"\xbc\xdb")


def test_a_file_name_in_another_encoding_can_be_told(tmp_path: Path) -> None:
    write_classes(tmp_path, ["cat", "dog"], count=1)
    (tmp_path / "cat" / "image0.png").rename(tmp_path / "cat" / f"{_EUC_KR}.png")
    folder = read_folder(tmp_path)
    (name,) = (folder.relative(file) for file in folder.files if file.label == "cat")
    assert name.encode() == "cat/\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}.png".encode()


def test_a_class_name_in_another_encoding_is_refused(tmp_path: Path) -> None:
    """It would be the label that a user of the model reads."""
    write_classes(tmp_path, ["cat", "dog", _EUC_KR], count=1)
    with pytest.raises(DataError, match="not in UTF-8; rename it"):
        read_folder(tmp_path)


def test_a_link_up_the_tree_brings_no_other_classes_in(tmp_path: Path) -> None:
    photos = write_classes(tmp_path / "photos", ["cat", "dog"], count=2)
    (photos / "cat" / "up").symlink_to("..")
    (photos / "cat" / "across").symlink_to("../dog")
    files = read_folder(photos).files
    assert sorted(f.path.parent.name for f in files if f.label == "cat") == [
        "across",
        "across",
        "cat",
        "cat",
    ]
    assert len(files) == 6


def test_a_mistyped_folder_and_a_missing_column_are_told_by_the_names_that_are_there(
    tmp_path: Path,
) -> None:
    (tmp_path / "plain").mkdir()
    with pytest.raises(DataError, match=r"does not exist; did you mean '.*plain'\?"):
        look_at_folder(tmp_path / "plian")
    table = tmp_path / "l.csv"
    table.write_text("PatientID,file_name,Diagnosis\n")
    with pytest.raises(
        DataError, match="no column 'label', only 'PatientID', 'file_name', 'Diagno"
    ):
        read_labels_file(table)


def test_one_line_without_a_label_does_not_make_a_labels_file_about_something_else(
    tmp_path: Path,
) -> None:
    write_classes(tmp_path, ["cat", "dog"], count=2)
    lines = ['{"image": "cat/image0.png", "class": "dog"}', '{"image": "cat/image1.png"}']
    (tmp_path / "metadata.jsonl").write_text("\n".join(lines))
    with pytest.raises(DataError, match=r"1 line of metadata.jsonl cannot .* line 2 has no label"):
        read_folder(tmp_path)


def test_a_class_of_one_image_is_left_out_as_one_of_fewer_than_two(tmp_path: Path) -> None:
    write_classes(tmp_path, ["cat", "dog"], count=2)
    write_class(tmp_path / "bird", 2, count=1)
    (finding,) = check_class_sizes(read_folder(tmp_path), min_images=1).findings
    assert finding.message == "1 class of fewer than 2 images left out: 'bird' (1 image)"


def test_a_correction_to_a_twin_of_a_class_is_said(tmp_path: Path) -> None:
    write_classes(tmp_path, ["cat", "dog"], count=3)
    lines = ["file_name,label", "dog/image0.png,Cat", "dog/image1.png,cat"]
    (tmp_path / "metadata.csv").write_text("\n".join(lines))
    kinds = {finding.kind for finding in read_folder(tmp_path).findings}
    assert kinds == {"labels_file", "twin_labels"}


def test_a_correction_means_the_class_that_is_there_whatever_its_name_is_made_of(
    tmp_path: Path,
) -> None:
    """A cell has lost the blank at the end of `cat `, and `a;b` is one class here."""
    write_classes(tmp_path, ["cat ", "a;b", "dog"], count=3)
    lines = ["file_name,label", "dog/image0.png,cat", "dog/image1.png,a;b"]
    (tmp_path / "metadata.csv").write_text("\n".join(lines))
    folder = read_folder(tmp_path)
    assert folder.labels == ("a;b", "cat ", "dog")
    assert {found.label: found.files for found in folder.classes()} == {
        "a;b": 4,
        "cat ": 4,
        "dog": 1,
    }


def test_a_class_named_like_unknown_is_one_and_it_is_said_what_the_folder_would_mean(
    tmp_path: Path,
) -> None:
    write_classes(tmp_path, ["cat", "Unknown", "_unknown"], count=2)
    folder = read_folder(tmp_path)
    assert folder.labels == ("cat", "Unknown")
    (finding,) = folder.findings
    assert finding.severity == "info"
    assert finding.message.startswith("'Unknown' is a class like any other")
