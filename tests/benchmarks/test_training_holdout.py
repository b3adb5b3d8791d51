"""Test images drawn from a folder that has none."""

from pathlib import Path

from benchmarks.training.holdout import hold_out, write_split

CLASSES = {
    "cat": [f"cat/{i}.jpg" for i in range(12)],
    "dog": [f"dog/{i}.jpg" for i in range(9)],
}


def test_a_third_of_each_class_is_held_out() -> None:
    test = hold_out(CLASSES, [], seed=0)
    assert sum(path.startswith("cat") for path in test) == 4
    assert sum(path.startswith("dog") for path in test) == 3


def test_a_seed_gives_the_same_images_and_another_seed_others() -> None:
    assert hold_out(CLASSES, [], seed=1) == hold_out(CLASSES, [], seed=1)
    assert len({frozenset(hold_out(CLASSES, [], seed=seed)) for seed in range(5)}) > 1


def test_copies_are_never_parted() -> None:
    """Groups that share an image are one group: 0-1 and 1-2; copies under two labels as well."""
    copies = [
        ["cat/0.jpg", "cat/1.jpg"],
        ["cat/1.jpg", "cat/2.jpg"],
        ["cat/5.jpg", "dog/5.jpg"],
    ]
    held = 0
    for seed in range(30):
        test = hold_out(CLASSES, copies, seed=seed)
        first = {path in test for path in ("cat/0.jpg", "cat/1.jpg", "cat/2.jpg")}
        second = {path in test for path in ("cat/5.jpg", "dog/5.jpg")}
        assert len(first) == len(second) == 1
        held += first == {True}
    assert 0 < held < 30


def test_copies_that_are_not_in_the_folder_are_of_no_concern() -> None:
    assert hold_out(CLASSES, [["cat/0.jpg", "gone.jpg"]], seed=0) <= {
        path for paths in CLASSES.values() for path in paths
    }


def test_the_folders_written_hold_each_image_once(tmp_path: Path) -> None:
    data, out = tmp_path / "data", tmp_path / "out"
    for path in (path for paths in CLASSES.values() for path in paths):
        (data / path).parent.mkdir(parents=True, exist_ok=True)
        (data / path).write_text(path)
    write_split(data, out, [["cat/0.jpg", "cat/1.jpg"]], seed=3)
    written = {
        split: {p.relative_to(out / split).as_posix() for p in (out / split).rglob("*.jpg")}
        for split in ("train", "test")
    }
    assert written["test"] == hold_out(CLASSES, [["cat/0.jpg", "cat/1.jpg"]], seed=3)
    assert written["train"] | written["test"] == {p for paths in CLASSES.values() for p in paths}
    assert not written["train"] & written["test"]
    assert (out / "train" / min(written["train"])).read_text() == min(written["train"])
