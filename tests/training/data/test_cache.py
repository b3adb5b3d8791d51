"""Decoded pixels on disk: kept, bounded, safe against a kill and against a second run."""

import os
import resource
import signal
import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path

import numpy as np
import pytest

from tests.small_disk import small_disk
from tests.training.data.reading import OPENED
from training.data.cache import PixelCache, default_cache_dir
from training.errors import DataError

pytestmark = pytest.mark.training

VIEW = "view-1"


def opened(folder: Path, *, limit_bytes: int = 10**9, facts_version: str = "1") -> PixelCache:
    """Open the cache for one view; closed at the latest when the tests end."""
    cache = PixelCache.open(
        folder, views=[VIEW], facts_version=facts_version, limit_bytes=limit_bytes
    )
    OPENED.append(cache)
    return cache


def kept(cache: PixelCache, sha256: str) -> np.ndarray:
    """Return the pixels of the one view, which must be there."""
    found = cache.find(sha256, [VIEW])
    assert found is not None
    return cache.read(found[0])


def image(seed: int, height: int = 4, width: int = 6) -> np.ndarray:
    """Return (H, W, 3) random pixels."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_pixels_and_facts_come_back_in_another_run(tmp_path: Path) -> None:
    cache = opened(tmp_path)
    for seed in range(5):
        cache.put(f"hash{seed}", f"fact {seed}", {VIEW: image(seed, height=3 + seed)})
    cache.close()
    again = opened(tmp_path)
    for seed in range(5):
        assert again.find(f"hash{seed}", [VIEW])
        assert again.look_up(f"hash{seed}", [])[0] == f"fact {seed}"
        assert np.array_equal(kept(again, f"hash{seed}"), image(seed, height=3 + seed))
    again.close()


def test_pixels_can_be_read_before_they_are_committed(tmp_path: Path) -> None:
    cache = opened(tmp_path)
    cache.put("hash", "fact", {VIEW: image(1)})
    assert np.array_equal(kept(cache, "hash"), image(1))
    cache.close()


def test_another_view_is_not_mistaken_for_this_one(tmp_path: Path) -> None:
    cache = opened(tmp_path)
    cache.put("hash", "fact", {VIEW: image(1)})
    assert cache.find("hash", [VIEW, "view-2"]) is None
    cache.close()


def test_facts_of_another_version_are_not_taken(tmp_path: Path) -> None:
    cache = opened(tmp_path)
    cache.put("hash", "old", {})
    cache.close()
    newer = opened(tmp_path, facts_version="2")
    assert newer.look_up("hash", [])[0] is None
    newer.close()


def test_two_runs_at_once_keep_both_their_images(tmp_path: Path) -> None:
    one, other = opened(tmp_path), opened(tmp_path)
    one.put("a", "fact a", {VIEW: image(1)})
    other.put("b", "fact b", {VIEW: image(2)})
    other.put("a", "fact a", {VIEW: image(1)})
    one.commit()
    other.close()
    assert np.array_equal(kept(one, "a"), image(1))
    one.close()
    after = opened(tmp_path)
    assert np.array_equal(kept(after, "a"), image(1))
    assert np.array_equal(kept(after, "b"), image(2))
    after.close()


def test_a_new_cache_is_made_by_several_at_one_time(tmp_path: Path) -> None:
    """As the processes of `torchrun` do; SQLite refuses one of them at once."""
    together = threading.Barrier(4)

    def make(folder: Path, seed: int) -> None:
        together.wait()
        cache = opened(folder)
        cache.put(f"hash{seed}", "fact", {VIEW: image(seed)})
        cache.close()

    with ThreadPoolExecutor(4) as pool:
        for turn in range(25):
            folder = tmp_path / str(turn)
            list(pool.map(make, [folder] * 4, range(4)))
            with closing(opened(folder)) as cache:
                assert all(cache.find(f"hash{seed}", [VIEW]) for seed in range(4))


def test_a_killed_run_costs_only_what_it_had_not_committed(tmp_path: Path) -> None:
    """The child commits one image, writes another, and is killed."""
    child = (
        "import os, signal, sys; import numpy as np; from pathlib import Path\n"
        "from training.data.cache import PixelCache\n"
        f"cache = PixelCache.open(Path(sys.argv[1]), views=[{VIEW!r}], facts_version='1')\n"
        f"cache.put('kept', 'fact', {{{VIEW!r}: np.full((4, 6, 3), 7, np.uint8)}})\n"
        "cache.commit()\n"
        f"cache.put('lost', 'fact', {{{VIEW!r}: np.full((4, 6, 3), 9, np.uint8)}})\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", child, str(tmp_path)], check=False)
    assert done.returncode == -signal.SIGKILL
    cache = opened(tmp_path)
    assert (kept(cache, "kept") == 7).all()
    assert cache.find("lost", [VIEW]) is None
    assert cache.look_up("lost", [])[0] is None
    cache.close()


def test_the_oldest_shards_go_when_the_limit_is_passed(tmp_path: Path) -> None:
    for seed in range(3):
        cache = opened(tmp_path)
        cache.put(f"hash{seed}", "fact", {VIEW: image(seed, height=100, width=100)})
        cache.close()
    shards = sorted((tmp_path / "shards").iterdir())
    for age, shard in enumerate(reversed(shards)):
        os.utime(shard, (10_000 - age, 10_000 - age))
    cache = opened(tmp_path, limit_bytes=65_000)
    assert sum(cache.find(f"hash{seed}", [VIEW]) is not None for seed in range(3)) == 2
    assert len(list((tmp_path / "shards").iterdir())) == 2
    cache.close()


def test_a_shard_that_vanishes_while_it_is_used_can_still_be_read(tmp_path: Path) -> None:
    writer = opened(tmp_path)
    writer.put("hash", "fact", {VIEW: image(3)})
    writer.close()
    reader = opened(tmp_path)
    for shard in (tmp_path / "shards").iterdir():
        shard.unlink()
    assert np.array_equal(kept(reader, "hash"), image(3))
    reader.close()
    assert opened(tmp_path).find("hash", [VIEW]) is None


def test_a_cut_shard_is_noticed(tmp_path: Path) -> None:
    cache = opened(tmp_path)
    cache.put("hash", "fact", {VIEW: image(1)})
    cache.close()
    for shard in (tmp_path / "shards").iterdir():
        os.truncate(shard, 5)
    again = opened(tmp_path)
    with pytest.raises(DataError, match="changed on the disk"):
        kept(again, "hash")
    again.close()


def test_a_cache_that_cannot_be_written_is_told_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="--cache-dir"):
        opened(tmp_path / "file" / "cache")


def test_the_default_folder_follows_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_cache_dir() == tmp_path / "graft"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert default_cache_dir() == tmp_path / "home" / ".cache" / "graft"


def test_the_index_survives_readers_of_its_own(tmp_path: Path) -> None:
    """A reader in the middle of a query does not block a writer."""
    cache = opened(tmp_path)
    with sqlite3.connect(tmp_path / "index.sqlite") as reader:
        reader.execute("SELECT * FROM checked_facts").fetchall()
        cache.put("hash", "fact", {VIEW: image(1)})
        cache.commit()
    reader.close()
    cache.close()
    assert opened(tmp_path).find("hash", [VIEW])


def filled(folder: Path, count: int = 60) -> None:
    cache = opened(folder)
    for seed in range(count):
        cache.put(f"hash{seed}", f'{{"fact": {seed}}}', {VIEW: image(seed)})
    cache.close()


def flip(file: Path, count: int, seed: int) -> None:
    """Flip so many bits of a file, spread over it."""
    data = bytearray(file.read_bytes())
    for position in np.random.default_rng(seed).integers(0, len(data) * 8, count):
        data[position // 8] ^= 1 << (position % 8)
    file.write_bytes(data)


def test_pixels_that_a_disk_changed_are_refused_and_made_anew_by_the_next_run(
    tmp_path: Path,
) -> None:
    filled(tmp_path)
    (shard,) = (tmp_path / "shards").iterdir()
    flip(shard, 1, seed=1)
    cache = opened(tmp_path)
    with pytest.raises(DataError, match="changed on the disk and have been removed; start the run"):
        [kept(cache, f"hash{seed}") for seed in range(60)]
    cache.close()
    again = opened(tmp_path)
    assert again.find("hash1", [VIEW]) is None
    again.put("hash1", "fact", {VIEW: image(1)})
    assert np.array_equal(kept(again, "hash1"), image(1))
    again.close()


@pytest.mark.parametrize("seed", range(12))
def test_an_index_with_flipped_bits_gives_what_was_put_or_nothing(
    tmp_path: Path, seed: int
) -> None:
    filled(tmp_path)
    flip(tmp_path / "index.sqlite", [5, 50, 500][seed % 3], seed)
    try:
        cache = opened(tmp_path)
        for number in range(60):
            fact, places = cache.look_up(f"hash{number}", [VIEW])
            assert fact in (None, f'{{"fact": {number}}}')
            if places is not None:
                assert np.array_equal(cache.read(places[0]), image(number))
        cache.close()
    except DataError as err:
        assert "start the run again" in str(err)  # noqa: PT017
    again = opened(tmp_path)
    again.put("new", "fact", {VIEW: image(1)})
    again.close()


@pytest.mark.parametrize("content", [b"", b"\0" * 8192, b"no database", b"SQLite format 3\0"])
def test_an_index_that_is_none_is_made_anew(tmp_path: Path, content: bytes) -> None:
    filled(tmp_path, count=2)
    (tmp_path / "index.sqlite").write_bytes(content)
    cache = opened(tmp_path)
    assert cache.find("hash1", [VIEW]) is None
    cache.put("hash1", "fact", {VIEW: image(1)})
    cache.close()
    assert np.array_equal(kept(opened(tmp_path), "hash1"), image(1))


def test_an_index_that_is_a_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "index.sqlite").mkdir()
    with pytest.raises(DataError, match=r"cannot be used: .*--cache-dir"):
        opened(tmp_path)


def test_the_limit_holds_while_a_run_writes(tmp_path: Path) -> None:
    """Ten images of 30 kB, room for four: what another run left goes for them, then no more is kept."""
    with closing(opened(tmp_path)) as other:
        other.put("old", "fact", {"another view": image(99, height=100, width=100)})
    cache = opened(tmp_path, limit_bytes=125_000)
    places = [
        cache.put(f"hash{seed}", "fact", {VIEW: image(seed, height=100, width=100)})[0]
        for seed in range(10)
    ]
    assert [place.kept for place in places] == [True] * 4 + [False] * 6
    assert sum(path.stat().st_size for path in (tmp_path / "shards").iterdir()) == 120_000
    assert cache.full is not None
    assert "its limit" in cache.full
    assert cache.find("hash9", [VIEW]) is None
    assert np.array_equal(kept(cache, "hash3"), image(3, height=100, width=100))
    cache.close()


def test_a_full_disk_keeps_what_fits_and_the_run_goes_on(tmp_path: Path) -> None:
    """The file may not grow beyond 70 kB: the third image of 30 kB is begun, and taken back."""
    cache = opened(tmp_path)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (70_000, before[1]))
    try:
        places = [
            cache.put(f"hash{seed}", "fact", {VIEW: image(seed, height=100, width=100)})[0]
            for seed in range(4)
        ]
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    assert [place.kept for place in places] == [True, True, False, False]
    assert cache.full == "its disk is full"
    assert np.array_equal(kept(cache, "hash1"), image(1, height=100, width=100))
    (shard,) = (tmp_path / "shards").iterdir()
    assert shard.stat().st_size == 60_000
    cache.close()
    assert np.array_equal(kept(opened(tmp_path), "hash1"), image(1, height=100, width=100))


def test_a_cache_leaves_some_of_its_disk_to_others_and_first_removes_what_nobody_uses(
    tmp_path: Path,
) -> None:
    """Of a disk of 4 MiB a twentieth stays free: room for some 130 images of 30 kB, not for 139."""
    with small_disk(tmp_path / "disk", "4m"):
        folder = tmp_path / "disk" / "cache"
        with closing(opened(folder)) as other:
            for seed in range(50):
                other.put(f"old{seed}", "fact", {"another view": image(seed, 100, 100)})
        with closing(opened(folder)) as cache:
            places = [
                cache.put(f"hash{seed}", "fact", {VIEW: image(seed, 100, 100)})[0]
                for seed in range(150)
            ]
            assert 100 < sum(place.kept for place in places) <= 132
            assert cache.full is not None
            assert "nearly full" in cache.full
            disk = os.statvfs(folder)
            assert disk.f_bavail > 0.04 * disk.f_blocks
        with closing(opened(folder)) as again:
            assert np.array_equal(kept(again, "hash3"), image(3, 100, 100))


@pytest.mark.parametrize("made_before", [False, True])
def test_on_a_full_disk_a_run_goes_on_without_its_cache(
    tmp_path: Path, *, made_before: bool
) -> None:
    with small_disk(tmp_path / "disk", "1m"):
        folder = tmp_path / "disk" / "cache"
        if made_before:
            opened(folder).close()
        with suppress(OSError), (tmp_path / "disk" / "other").open("wb", buffering=0) as other:
            while True:
                other.write(bytes(4096))
        with closing(opened(folder)) as cache:
            (place,) = cache.put("hash", "fact", {VIEW: image(0)})
            assert not place.kept
            assert cache.full == "its disk is full"
            assert cache.look_up("hash", [VIEW]) == ("fact", None)


def test_two_runs_at_once_keep_to_one_limit(tmp_path: Path) -> None:
    one, other = (opened(tmp_path, limit_bytes=125_000) for _ in range(2))
    for seed in range(3):
        one.put(f"one{seed}", "fact", {VIEW: image(seed, 100, 100)})
    other.put("first", "fact", {VIEW: image(9, 100, 100)})
    one.commit()
    one.put("late", "fact", {VIEW: image(4, 100, 100)})
    assert sum(path.stat().st_size for path in (tmp_path / "shards").iterdir()) <= 125_000
