"""python -m training.caches: what is kept is shown, cleared and limited."""

import zipfile
from pathlib import Path

import numpy as np
import pytest

from training.caches import main
from training.data.cache import PixelCache
from training.data.unpacked_archive import unpack

pytestmark = pytest.mark.training


def opened(folder: Path) -> PixelCache:
    """Return the cache with the limit that the folder has."""
    return PixelCache.open(folder, views=["view"], facts_version="1")


def fill(folder: Path) -> None:
    """Keep an image's pixels, an export and a checkpoint."""
    cache = opened(folder)
    cache.put("a" * 64, "fact", {"view": np.zeros((10, 10, 3), np.uint8)})
    cache.close()
    for name in ("trunks", "runs"):
        (folder / name).mkdir()
        (folder / name / "file").write_bytes(b"x" * 1_000_000)


def test_what_is_made_again_is_cleared_and_checkpoints_only_by_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(tmp_path)
    assert main(["--clear", "--cache-dir", str(tmp_path)]) == 0
    assert "removed 1.0 MB" in capsys.readouterr().out
    assert not list(tmp_path.glob("shards/*")) + list(tmp_path.glob("trunks/*"))
    assert (tmp_path / "runs" / "file").exists()
    cache = opened(tmp_path)
    assert cache.look_up("a" * 64, ["view"]) == (None, None), "nothing points at what is gone"
    cache.close()
    assert main(["--clear", "runs", "--cache-dir", str(tmp_path)]) == 0
    assert not (tmp_path / "runs" / "file").exists()


def test_a_run_under_way_goes_on_when_its_pixels_are_cleared(tmp_path: Path) -> None:
    cache = opened(tmp_path)
    cache.put("a" * 64, "fact", {"view": np.zeros((10, 10, 3), np.uint8)})
    cache.commit()
    assert main(["--clear", "--cache-dir", str(tmp_path)]) == 0
    cache.put("b" * 64, "fact", {"view": np.ones((10, 10, 3), np.uint8)})
    (place,) = cache.find("b" * 64, ["view"]) or []
    assert cache.read(place).max() == 1
    cache.close()


def test_an_archive_is_unpacked_again_when_it_was_cleared(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        archive.writestr("cat/1.png", b"an image")
    cache = tmp_path / "cache"
    for _ in range(2):
        assert (unpack(tmp_path / "photos.zip", cache).folder / "cat" / "1.png").exists()
        assert main(["--clear", "--cache-dir", str(cache)]) == 0


def test_the_limit_holds_from_the_next_run_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--limit", "0.0001", "--cache-dir", str(tmp_path)]) == 0
    assert "at most 0.0001 GiB" in capsys.readouterr().out
    cache = opened(tmp_path)
    cache.put("a" * 64, "fact", {"view": np.zeros((300, 300, 3), np.uint8)})
    assert cache.full is not None
    cache.close()
    assert main(["--limit", "-1", "--cache-dir", str(tmp_path)]) == 2
