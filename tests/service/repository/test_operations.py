"""What one worker was asked, every worker does."""

import asyncio
import os
import threading
from pathlib import Path

import pytest

from inference.file_lock import locked
from service.errors import NotPassedOn
from service.repository.operations import Operations
from service.repository.states import State
from tests.builders import make_package
from tests.service.registries import registry_of, run, state


def test_what_one_notes_another_reads(tmp_path: Path) -> None:
    one, other = (Operations(file=tmp_path / "operations.json") for _ in "ab")
    one.unload(("colours", 1))
    one.load(("colours", 2))
    one.retry()
    other.read()
    assert (other.unloaded, other.pinned) == ({("colours", 1)}, {("colours", 2)})
    assert other.num_retries == 1


def test_the_last_word_counts(tmp_path: Path) -> None:
    one, other = (Operations(file=tmp_path / "operations.json") for _ in "ab")
    one.unload(("colours", 1))
    other.load(("colours", 1))
    one.read()
    assert (one.unloaded, one.pinned) == (set(), {("colours", 1)})


def test_no_word_is_lost_when_all_speak_at_once(tmp_path: Path) -> None:
    file = tmp_path / "operations.json"
    start = threading.Barrier(4)

    def note(worker: int) -> None:
        own = Operations(file=file)
        start.wait()
        for number in range(1, 11):
            own.unload((f"model{worker}", number))

    threads = [threading.Thread(target=note, args=[worker]) for worker in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    last = Operations(file=file)
    last.read()
    assert len(last.unloaded) == 40


def test_without_a_file_there_is_only_one_worker() -> None:
    alone = Operations()
    alone.unload(("colours", 1))
    alone.read()
    assert alone.unloaded == {("colours", 1)}


def test_another_worker_follows_with_its_next_look(models_dir: Path, tmp_path: Path) -> None:
    make_package(models_dir)
    make_package(models_dir)

    async def scenario() -> None:
        file = tmp_path / "operations.json"
        async with (
            registry_of(models_dir, operations=Operations(file=file)) as one,
            registry_of(models_dir, operations=Operations(file=file)) as other,
        ):
            await one.unload("colours", "2")
            await one.load("colours", "1")
            await other.refresh()
            assert state(other, 2) is State.UNLOADED
            assert state(other, 1) is State.READY

    run(scenario)


def test_the_event_loop_waits_for_no_other_worker(models_dir: Path, tmp_path: Path) -> None:
    make_package(models_dir)

    async def scenario() -> None:
        operations = Operations(file=tmp_path / "operations.json")
        async with registry_of(models_dir, operations=operations) as registry:
            # Were the loop to wait here, nothing would free the file.
            with locked(tmp_path / "operations.lock"):
                calls = [
                    asyncio.create_task(call)
                    for call in (
                        registry.retry(),
                        registry.unload("colours"),
                        registry.load("colours", "1"),
                    )
                ]
                await asyncio.wait(calls, timeout=0.1)
                assert not any(call.done() for call in calls)
            await asyncio.gather(*calls)

    run(scenario)


def test_a_full_disk_is_said_and_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "operations.json"
    one = Operations(file=file)
    one.unload(("colours", 1))
    file.with_suffix(f".{os.getpid()}").symlink_to("/dev/full")
    with pytest.raises(NotPassedOn, match="No space left on device; nothing was changed"):
        one.load(("colours", 2))
    other = Operations(file=file)
    other.read()
    for operations in (one, other):
        assert (operations.unloaded, operations.pinned) == ({("colours", 1)}, set())
