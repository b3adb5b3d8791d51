"""The checkpoint of a run."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from training.errors import ConfigError, Paused
from training.finetuning.checkpoint import (
    SAVE_EVERY_S,
    Checkpoints,
    describe_options,
)
from training.finetuning.checkpoint_file import run_name

pytestmark = pytest.mark.training

IDENTITY = {"--seed": "0", "the images": "abc"}


def place(folder: Path, **changed: str) -> Checkpoints:
    """Return the place of a run's checkpoint."""
    return Checkpoints.at(folder / "runs", "photos", IDENTITY | changed)


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    """Tensors bit by bit, and plain values."""
    contents = {"weights": torch.arange(5.0) / 3, "step": 7, "history": [{"loss": 0.1}]}
    place(tmp_path).save(contents)
    loaded = place(tmp_path).load()
    assert loaded is not None
    assert torch.equal(loaded["weights"], contents["weights"])  # type: ignore[arg-type]
    assert loaded["step"] == 7
    assert loaded["history"] == [{"loss": 0.1}]


def test_at_first_there_is_nothing(tmp_path: Path) -> None:
    assert place(tmp_path).load() is None


def test_a_run_with_another_option_is_refused_and_the_option_named(tmp_path: Path) -> None:
    place(tmp_path).save({"step": 1})
    with pytest.raises(ConfigError, match=r"--seed was 0, is 1.*--fresh"):
        place(tmp_path, **{"--seed": "1"}).load()
    with pytest.raises(ConfigError, match="the images was abc, is abd"):
        place(tmp_path, **{"the images": "abd"}).load()


def test_a_finished_run_leaves_nothing(tmp_path: Path) -> None:
    checkpoints = place(tmp_path)
    checkpoints.save({"step": 1})
    checkpoints.remove()
    checkpoints.remove()
    assert list((tmp_path / "runs").iterdir()) == []


def test_a_failed_save_leaves_the_earlier_one_and_no_temporary_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoints = place(tmp_path)
    checkpoints.save({"step": 1})

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ConfigError, match=r"No space left on device; make room.*--cache-dir"):
        checkpoints.save({"step": 2})
    assert place(tmp_path).load() == {"step": 1}
    assert len(list((tmp_path / "runs").iterdir())) == 1


def test_a_full_disk_is_said_and_does_not_end_a_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked to stop, it stops, and does not claim to be saved."""
    said: list[str] = []
    checkpoints = place(tmp_path)
    checkpoints.warn = said.append

    def full(descriptor: int) -> None:
        raise OSError(28, os.strerror(28))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        checkpoints.saved -= SAVE_EVERY_S
        checkpoints.offer(lambda: {"step": 1})
        checkpoints.stop = True
        with pytest.raises(KeyboardInterrupt) as stopped:
            checkpoints.offer(lambda: {"step": 2})
    assert not isinstance(stopped.value, Paused)
    assert len(said) == 2
    assert "No space left on device; make room" in said[0]
    assert checkpoints.load() is None
    with pytest.raises(Paused):
        checkpoints.offer(lambda: {"step": 3})
    assert checkpoints.load() == {"step": 3}


def test_a_run_is_saved_now_and_then(tmp_path: Path) -> None:
    checkpoints = place(tmp_path)
    checkpoints.offer(lambda: {"step": 1})
    assert checkpoints.load() is None
    checkpoints.saved = time.monotonic() - SAVE_EVERY_S
    checkpoints.offer(lambda: {"step": 2})
    assert checkpoints.load() == {"step": 2}
    checkpoints.offer(lambda: {"step": 3})
    assert checkpoints.load() == {"step": 2}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_saves_at_the_next_step(tmp_path: Path, number: signal.Signals) -> None:
    checkpoints = place(tmp_path)

    def run() -> None:
        with checkpoints.stopping_safely():
            os.kill(os.getpid(), number)
            checkpoints.offer(lambda: {"step": 5})

    with pytest.raises(Paused):
        run()
    assert checkpoints.load() == {"step": 5}


def test_a_second_signal_does_not_wait(tmp_path: Path) -> None:
    """And afterwards the signals mean what they meant before."""
    checkpoints, before = place(tmp_path), signal.getsignal(signal.SIGTERM)

    def run() -> None:
        with checkpoints.stopping_safely():
            os.kill(os.getpid(), signal.SIGTERM)
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(KeyboardInterrupt):
        run()
    assert checkpoints.load() is None
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_pickle_that_runs_code_is_not_loaded(tmp_path: Path) -> None:
    checkpoints = place(tmp_path)
    torch.save({"format": 1, "identity": IDENTITY, "contents": Path("x")}, checkpoints.file)
    with pytest.raises(ConfigError, match="is damaged"):
        checkpoints.load()


def test_runs_into_different_repositories_do_not_meet(tmp_path: Path) -> None:
    assert run_name("a", tmp_path / "one") != run_name("a", tmp_path / "two")
    assert run_name("a", tmp_path) != run_name("b", tmp_path)


def test_options_are_told_as_flags() -> None:
    assert describe_options({"batch_size": 8, "backbone": "x"}) == {
        "--batch-size": "8",
        "--backbone": '"x"',
    }


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-100])


def empty(file: Path) -> None:
    file.write_bytes(b"")


def text(file: Path) -> None:
    file.write_text("no checkpoint")


def a_folder(file: Path) -> None:
    file.unlink()
    (file / "x").mkdir(parents=True)


def a_list(file: Path) -> None:
    torch.save([1, 2], file)


def without_its_format(file: Path) -> None:
    torch.save({"identity": {}, "contents": {}}, file)


def code(file: Path) -> None:
    torch.save({"format": 5, "identity": IDENTITY, "contents": Path("/tmp")}, file)


def flipped(file: Path) -> None:
    """One bit of a weight: torch reads it as it is."""
    data = bytearray(file.read_bytes())
    data[data.index(b"\x00\x00\x80\x3f" * 8) + 2] ^= 1
    file.write_bytes(data)


DAMAGES = [cut, empty, text, a_folder, a_list, without_its_format, code, flipped]


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_a_damaged_one_is_refused_with_the_remedy_which_helps(
    tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    checkpoints = place(tmp_path)
    checkpoints.save({"weights": torch.ones(1000)})
    damage(checkpoints.file)
    with pytest.raises(ConfigError, match=r"is damaged .*; add --fresh to start again"):
        checkpoints.load()
    checkpoints.remove()
    assert checkpoints.load() is None


def test_flipped_bits_are_noticed_wherever_they_are_in_the_values(tmp_path: Path) -> None:
    checkpoints = place(tmp_path)
    checkpoints.save({"weights": torch.arange(200.0), "step": 1})
    whole = checkpoints.file.read_bytes()
    rng = np.random.default_rng(0)
    for position in rng.integers(0, len(whole) * 8, 150):
        data = bytearray(whole)
        data[position // 8] ^= 1 << (position % 8)
        checkpoints.file.write_bytes(data)
        try:
            loaded = checkpoints.load()
        except ConfigError:
            continue
        # Padding and what no reader looks at.
        assert loaded is not None
        assert torch.equal(loaded["weights"], torch.arange(200.0))
        assert loaded["step"] == 1


def test_what_a_killed_save_left_is_removed_by_the_next_run(tmp_path: Path) -> None:
    place(tmp_path).save({"step": 1})
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        pass
    left = tmp_path / "runs" / f".photos.pt.{ended.pid}"
    left.write_bytes(b"half")
    place(tmp_path)
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["photos.pt"]
