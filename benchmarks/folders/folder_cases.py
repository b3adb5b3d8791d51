"""Folders by how they are laid out, and by what else lies in them."""

from typing import Final

from benchmarks.folders.making import case, named

CATS: Final = {"cat": 3, "dog": 3}


def _in(*places: str, number: int = 3) -> dict[str, int]:
    """Return cats and dogs in each place."""
    return {f"{place}/{label}": number for place in places for label in CATS}


def _both(number: int) -> dict[str, int]:
    return dict.fromkeys(CATS, number)


_PLAIN = [
    case("plain", "one subfolder per class", CATS, CATS),
    case(
        "plain",
        "deeper folders within classes",
        {"cat/2023": 2, "cat/2024/may": 2, "dog": 3},
        {"cat": 4, "dog": 3},
    ),
    case(
        "plain",
        "a class with Korean, blanks, emoji",
        {"고양이": 2, "hot dog": 2, "🐈": 2},
        {"고양이": 2, "hot dog": 2, "🐈": 2},
    ),
    case("plain", "years are classes", {"2021": 3, "2022": 3}, {"2021": 3, "2022": 3}),
    case(
        "plain",
        "valid and invalid parts",
        {"valid": 3, "invalid": 3},
        {"valid": 3, "invalid": 3},
        findings="split_name_as_class",
    ),
    case(
        "plain",
        "vehicles, one class is called train",
        {"bus": 3, "car": 3, "train": 3},
        {"bus": 3, "car": 3, "train": 3},
        findings="split_name_as_class",
    ),
    case("plain", "nothing in it", {".": 0}, None, words=("no class folders",)),
    case(
        "plain",
        "one class",
        {"cat": 3},
        None,
        words=("only the class 'cat' (3 images)", "at least two"),
    ),
    case(
        "plain",
        "one class, by year",
        {"cat/2023": 3, "cat/2024": 3},
        None,
        words=("only the class 'cat' (6 images)",),
    ),
]

_SPLITS = [
    case("splits", f"{a} + {b}", _in(a, b), _both(6), splits=splits)
    for a, b, splits in (
        ("train", "test", "train test"),
        ("Training", "Testing", "train test"),
        ("TRAIN", "VAL", "train val"),
        ("train_set", "test_set", "train test"),
        ("training-data", "validation-data", "train val"),
        ("train", "dev", "train val"),
        ("train", "eval", "train test"),
        ("train", "holdout", "train test"),
        ("trainset", "hold_out", "train test"),
        ("seg_train", "seg_test", "train test"),
        ("train2017", "val2017", "train val"),
        ("images_train", "images_test", "train test"),
        ("학습", "검증", "train val"),
        ("训练集", "测试集", "train test"),
        ("TrainImages", "TestImages", "train test"),
    )
] + [
    case(
        "splits",
        "Train, Valid, Test in a wrapper",
        _in("set/Train", "set/Valid", "set/Test"),
        _both(9),
        splits="train val test",
    ),
    case(
        "splits",
        "train, eval and test",
        _in("train", "eval", "test"),
        _both(9),
        splits="train val test",
    ),
    case(
        "splits",
        "each split wrapped again",
        _in("seg_train/seg_train", "seg_test/seg_test"),
        _both(6),
        splits="train test",
    ),
    case("splits", "train alone", _in("train"), _both(3)),
    case(
        "splits",
        "splits within each class",
        {f"{c}/{s}": 3 for c in CATS for s in ("train", "test")},
        _both(6),
        splits="train test",
    ),
    case(
        "splits",
        "test images without labels",
        _in("train") | {"test": 5},
        _both(3),
        findings="unlabelled_split",
    ),
    case(
        "splits",
        "test images one folder deeper",
        _in("train") | {"test1/test1": 5},
        _both(3),
        findings="unlabelled_split",
    ),
    case(
        "splits",
        "Tiny ImageNet's val",
        {"train/cat/images": 3, "train/dog/images": 3, "val/images": 5},
        _both(3),
        findings="unlabelled_split",
    ),
    case(
        "splits",
        "another folder beside the splits",
        _in("train", "test") | {"extra": 4},
        _both(6),
        splits="train test",
        findings="beside_splits",
    ),
    case(
        "splits",
        "case differs between splits",
        {"train/Cat": 3, "train/Dog": 3, "test/cat": 2, "test/dog": 2},
        {"Cat": 5, "Dog": 5},
        splits="train test",
    ),
    case(
        "splits",
        "a class missing in test",
        _in("train") | {"test/cat": 2},
        None,
        words=("test/ lacks", "'dog'", "move test/ out"),
    ),
    case(
        "splits",
        "an extra class in val",
        _in("train", "val") | {"val/fox": 2},
        None,
        words=("val/ has", "'fox'", "train/ lacks"),
    ),
    case(
        "splits",
        "val and valid",
        _in("train", "val", "valid"),
        None,
        words=("'val' and 'valid' mean val",),
    ),
    case("splits", "test and val, no train", _in("test", "val"), None, words=("no train/",)),
    case(
        "splits",
        "test beside classes",
        CATS | {"test": 5},
        None,
        words=("'test' (5 images)", "'cat', 'dog'", "--label-from"),
    ),
    case(
        "splits",
        "test beside classes is one, said so",
        CATS | {"test": 5},
        CATS | {"test": 5},
        pattern="^([^/]+)/",
    ),
    case(
        "splits",
        "train with subfolders beside classes",
        {"bus": 3, "car": 3, "train/a": 3, "train/b": 3},
        None,
        words=("'train'", "may be a split or a class"),
    ),
]

_FLAT = [
    case(
        "flat",
        "cats and dogs of Kaggle",
        {},
        None,
        files=named({"train/cat.{}": 6, "train/dog.{}": 6, "test/{}": 4}),
        words=(
            "train/ (12 images)",
            "look like splits",
            r"--label-from '^(.+?)\.\d+\.'",
            "'cat' (6)",
        ),
    ),
    case(
        "flat",
        "the same, with the pattern",
        {},
        _both(6),
        pattern=r"(.+?)\.\d+",
        files=named({"train/cat.{}": 6, "train/dog.{}": 6, "test/{}": 4}),
        findings="label_pattern",
    ),
    case(
        "flat",
        "train and val by pattern",
        {},
        _both(6),
        pattern=r"^(.+?)_\d+",
        splits="train val",
        files=named({"train/cat_{}": 4, "train/dog_{}": 4, "val/cat_9{}": 2, "val/dog_9{}": 2}),
    ),
    case(
        "flat",
        "all images in the root, labels in names",
        {},
        None,
        files=named({"Abyssinian_{}": 5, "Bengal_{}": 5}),
        words=("10 images", "--label-from '^(.+?)[ _-]+\\d+\\.'"),
    ),
    case(
        "flat",
        "the root's images, with the pattern",
        {},
        {"Abyssinian": 5, "Bengal": 5},
        files=named({"Abyssinian_{}": 5, "Bengal_{}": 5}),
        pattern=r"^(.+?)_\d",
    ),
    case(
        "flat",
        "a table of labels beside them",
        {"images": 5},
        None,
        files={"train_labels.csv": b"id,label\n", "sample.csv": b"id\n"},
        words=("train_labels.csv'",),
    ),
    case(
        "flat",
        "a camera's names say nothing",
        {},
        None,
        files=named({"IMG_{}": 5, "DSC_{}": 5}),
        words=("10 images", "subfolders", "--labels FILE"),
    ),
    case(
        "flat",
        "a pattern that fits nothing",
        CATS,
        None,
        pattern="^(x)$",
        words=("no label", "6 images"),
    ),
    case("flat", "images beside the class folders", CATS | {".": 2}, CATS, findings="loose_images"),
]

_NESTED = [
    case("nested", "a wrapper", _in("photos"), _both(3)),
    case("nested", "two wrappers", _in("archive/photos"), _both(3)),
    case(
        "nested",
        "a wrapper beside papers",
        _in("photos"),
        _both(3),
        files={"docs/readme.txt": b"text"},
    ),
    case(
        "nested",
        "an empty class beside a nested one",
        {"cat/old": 3, "cat/new": 3, "dog": 0},
        None,
        words=("'dog' (no images)",),
    ),
    case(
        "nested",
        "a wrapper beside its cover",
        _in("photos") | {".": 1},
        _both(3),
        findings="loose_images",
    ),
    case(
        "nested",
        "cameras hold the classes",
        _in("camera1", "camera2"),
        None,
        words=("'camera1', 'camera2'", "'cat', 'dog'", "'^[^/]+/([^/]+)/'", "'^([^/]+)/'"),
    ),
    case(
        "nested",
        "the same, inner folders asked for",
        _in("camera1", "camera2"),
        _both(6),
        pattern="^[^/]+/([^/]+)/",
    ),
    case(
        "nested",
        "the same, outer folders asked for",
        _in("camera1", "camera2"),
        {"camera1": 6, "camera2": 6},
        pattern="^([^/]+)/",
    ),
]

CASES: Final = [*_PLAIN, *_SPLITS, *_FLAT, *_NESTED]
