"""Every image read once, the bad ones set aside."""

import dataclasses
import hashlib
import os
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from PIL import Image

from inference.decoding import DecodedImage, decode_image
from inference.preprocessing import Fit, prepare_image, resize_for_training
from tests.training.data.reading import OPENED, SPEC, open_cache, read
from tests.training.folders import noisy_png, unprivileged, write_classes
from training.data.cache import PixelCache
from training.data.image_facts import FACTS_VERSION
from training.data.layout import read_folder
from training.data.scan import scan_folder
from training.data.views import Views
from training.errors import DataError

pytestmark = pytest.mark.training


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Return a folder of two classes with five images each."""
    return write_classes(tmp_path / "photos", ["cat", "dog"], count=5)


def damage(photos: Path) -> dict[str, Path]:
    """Make one image truncated, one empty and one no image at all."""
    files = {
        "truncated": photos / "cat" / "image1.png",
        "empty": photos / "cat" / "image2.png",
        "text": photos / "dog" / "image3.png",
    }
    data = files["truncated"].read_bytes()
    files["truncated"].write_bytes(data[: len(data) // 2])
    files["empty"].write_bytes(b"")
    files["text"].write_text("<html>not found</html>")
    return files


def test_the_pixels_are_those_that_the_service_would_see(photos: Path, tmp_path: Path) -> None:
    scan = read(photos, tmp_path)
    assert len(scan.images) == 10
    for image in scan.images:
        data = image.file.path.read_bytes()
        assert np.array_equal(scan.evaluation[image.row], prepare_image(data, SPEC).pixels)
        assert image.sha256 == hashlib.sha256(data).hexdigest()


def test_the_pixels_of_each_fit_are_kept_apart(photos: Path, tmp_path: Path) -> None:
    for fit in get_args(Fit):
        spec = dataclasses.replace(SPEC, fit=fit)
        scan = read(photos, tmp_path, spec=spec)
        assert scan.training is not None
        for image in scan.images:
            data = image.file.path.read_bytes()
            assert np.array_equal(scan.evaluation[image.row], prepare_image(data, spec).pixels)
            whole = resize_for_training(decode_image(data, shorter_px=20), spec)
            assert np.array_equal(scan.training[image.row], whole)


def test_bad_files_are_set_aside_with_path_and_reason(photos: Path, tmp_path: Path) -> None:
    files = damage(photos)
    scan = read(photos, tmp_path)
    left_out = {bad.file.path: bad.reason for bad in scan.unreadable}
    assert left_out.keys() == set(files.values())
    assert "empty" in left_out[files["empty"]]
    assert all(left_out.values())
    assert len(scan.images) == 7


def test_the_good_neighbours_of_a_bad_file_keep_their_own_pixels(
    photos: Path, tmp_path: Path
) -> None:
    damage(photos)
    scan = read(photos, tmp_path)
    assert sorted(image.row for image in scan.images) == list(range(7))
    for image in scan.images:
        expected = prepare_image(image.file.path.read_bytes(), SPEC).pixels
        assert np.array_equal(scan.evaluation[image.row], expected)


def test_no_file_of_the_user_is_touched(photos: Path, tmp_path: Path) -> None:
    """Neither its bytes nor its time, bad or good."""
    damage(photos)

    def state() -> dict[Path, tuple[bytes, int]]:
        files = (path for path in photos.rglob("*") if path.is_file())
        return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in files}

    before = state()
    read(photos, tmp_path)
    assert state() == before


def test_a_class_without_a_readable_image_is_refused_with_its_first_file(
    photos: Path, tmp_path: Path
) -> None:
    for path in (photos / "dog").iterdir():
        path.write_bytes(b"")
    with pytest.raises(DataError, match=r"class 'dog' has 5 files.*'dog/image0\.png'.*empty"):
        read(photos, tmp_path)


def test_a_class_without_images_is_refused(photos: Path, tmp_path: Path) -> None:
    (photos / "bird").mkdir()
    (photos / "bird" / "notes.txt").touch()
    with pytest.raises(DataError, match="class 'bird' has no images"):
        read(photos, tmp_path)


def test_a_class_unreadable_in_one_split_is_refused_with_the_split(tmp_path: Path) -> None:
    for seed, split in enumerate(("train", "test")):
        write_classes(tmp_path / "photos" / split, ["cat", "dog"], count=2, seed=seed)
    for path in (tmp_path / "photos" / "test" / "cat").iterdir():
        path.write_bytes(b"")
    with pytest.raises(DataError, match="class 'cat' in test/"):
        read(tmp_path / "photos", tmp_path)


def test_the_order_is_stable(photos: Path, tmp_path: Path) -> None:
    first, again = read(photos, tmp_path), read(photos, tmp_path)
    assert [i.file for i in first.images] == [i.file for i in again.images]
    assert [i.file.path for i in first.images] == sorted(photos.glob("*/*.png"))


def test_progress_is_told_of_every_file_good_or_bad(photos: Path, tmp_path: Path) -> None:
    damage(photos)
    done: list[int] = []
    cache = open_cache(tmp_path / "cache")
    scan_folder(read_folder(photos), Views(SPEC, for_training=True), cache, advance=done.append)
    assert sum(done) == 10


def test_a_file_that_may_not_be_read_is_set_aside(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = photos / "cat" / "image0.png"
    closed.chmod(0o000)
    tmp_path.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    cache = open_cache(Path("cache"))
    (tmp_path / "cache" / "shards").chmod(0o777)
    with unprivileged():
        scan = scan_folder(read_folder(Path("photos")), Views(SPEC, True), cache)
    assert [bad.file.path.name for bad in scan.unreadable] == [closed.name]
    assert "cannot be read" in scan.unreadable[0].reason


def test_a_second_scan_decodes_nothing(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bad files are remembered too; a changed file is read again."""
    damage(photos)
    first = read(photos, tmp_path)
    decoded: list[bytes] = []

    def counting(data: bytes, **options: object) -> DecodedImage:
        decoded.append(data)
        return decode_image(data, **options)  # type: ignore[arg-type]

    monkeypatch.setattr("training.data.views.decode_image", counting)
    second = read(photos, tmp_path)
    assert decoded == []
    assert second.unreadable == first.unreadable
    assert [i.sha256 for i in second.images] == [i.sha256 for i in first.images]
    changed = second.images[0].file.path
    changed.write_bytes(noisy_png(3, seed=77))
    third = read(photos, tmp_path)
    assert len(decoded) == 1
    assert np.array_equal(third.evaluation[0], prepare_image(changed.read_bytes(), SPEC).pixels)


def test_whole_images_are_kept_only_for_training(photos: Path, tmp_path: Path) -> None:
    assert read(photos, tmp_path / "a", for_training=False).training is None
    whole = read(photos, tmp_path / "b").training
    assert whole is not None
    assert whole.one(0).shape == (20, 24, 3)


def test_a_panorama_keeps_its_middle_for_training(tmp_path: Path) -> None:
    write_classes(tmp_path / "photos", ["cat", "dog"], count=2)
    wide = np.zeros((10, 1000, 3), dtype=np.uint8)
    wide[:, 480:520] = 255
    Image.fromarray(wide).save(tmp_path / "photos" / "cat" / "wide.png")
    scan = read(tmp_path / "photos", tmp_path)
    row = next(i.row for i in scan.images if i.file.path.name == "wide.png")
    assert scan.training is not None
    assert scan.training.one(row).shape == (20, 80, 3)
    assert scan.training.one(row).mean() > 200


def test_a_pipe_is_set_aside_and_not_waited_for(photos: Path, tmp_path: Path) -> None:
    os.mkfifo(photos / "cat" / "pipe.jpg")
    scan = read(photos, tmp_path)
    assert [bad.reason for bad in scan.unreadable] == ["not a regular file"]


def test_what_the_cache_has_no_room_for_is_decoded_again_to_the_same_pixels(
    tmp_path: Path,
) -> None:
    data = write_classes(tmp_path / "data", count=6)
    whole = read(data, tmp_path / "whole")
    views = Views(SPEC, for_training=True)
    cache = PixelCache.open(
        tmp_path / "small", views=views.names, facts_version=FACTS_VERSION, limit_bytes=9_000
    )
    OPENED.append(cache)
    scan = scan_folder(read_folder(data), views, cache)
    rows = np.arange(18)
    assert cache.full is not None
    assert np.array_equal(scan.evaluation[rows], whole.evaluation[rows])
    assert scan.training is not None
    assert whole.training is not None
    assert np.array_equal(scan.training[rows], whole.training[rows])
    last = scan.images[17].file.path
    last.write_bytes(noisy_png(0, seed=99))
    with pytest.raises(DataError, match="a photo has changed during the run"):
        scan.evaluation.one(17)
    last.unlink()
    with pytest.raises(DataError, match="can no longer be read, and the cache had no room"):
        scan.evaluation.one(17)
