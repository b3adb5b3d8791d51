"""Versions loaded because a request or an operator named them, and given up again."""

import asyncio
from pathlib import Path

import pytest

from service.errors import InvalidParameter, ModelNotReady, Overloaded
from service.repository.states import State
from tests.builders import make_package
from tests.service.registries import (
    RecordingLoader,
    answered_by,
    damage_model,
    registry_of,
    run,
    state,
    using,
)


def test_an_older_version_is_loaded_on_demand_and_once(models_dir: Path) -> None:
    make_package(models_dir)
    make_package(models_dir)

    async def scenario() -> None:
        load = RecordingLoader()
        async with registry_of(models_dir, load=load) as registry:
            versions = await asyncio.gather(*(answered_by(registry, version="1") for _ in range(5)))
            assert versions == [1] * 5
            assert load.loaded == [("colours", 2), ("colours", 1)]

    run(scenario)


def test_the_version_used_least_recently_makes_room(models_dir: Path) -> None:
    for _ in range(4):
        make_package(models_dir)

    async def scenario() -> None:
        async with registry_of(models_dir, max_on_demand=2) as registry:
            for asked in ("1", "2", "1", "3"):
                await answered_by(registry, version=asked)
            assert [state(registry, number) for number in (1, 2, 3, 4)] == [
                State.READY,
                State.AVAILABLE,
                State.READY,
                State.READY,
            ]

    run(scenario)


def test_too_many_loads_at_once_are_refused(models_dir: Path) -> None:
    for _ in range(3):
        make_package(models_dir)

    async def scenario() -> None:
        async with registry_of(models_dir, max_on_demand=1) as registry:
            first = asyncio.ensure_future(answered_by(registry, version="1"))
            await asyncio.sleep(0)
            with pytest.raises(Overloaded):
                await answered_by(registry, version="2")
            assert await first == 1

    run(scenario)


def test_a_request_does_not_wait_for_a_load_beyond_its_time(models_dir: Path) -> None:
    make_package(models_dir)
    make_package(models_dir)

    async def scenario() -> None:
        async with registry_of(models_dir) as registry:
            with pytest.raises(ModelNotReady, match="is loading") as caught:
                async with using(registry, version="1", timeout_s=0):
                    pass
            assert caught.value.retry_after_s

    run(scenario)


def test_a_precision_asked_for_by_name_shares_the_session_that_has_it(models_dir: Path) -> None:
    make_package(models_dir)

    async def scenario() -> None:
        load = RecordingLoader()
        async with registry_of(models_dir, load=load) as registry:
            await answered_by(registry, precision="fp32")
            assert len(load.loaded) == 1
            with pytest.raises(InvalidParameter, match="ask for fp32"):
                await answered_by(registry, precision="int8")

    run(scenario)


def test_a_precision_asked_for_by_name_waits_for_the_default_that_is_being_loaded(
    models_dir: Path,
) -> None:
    make_package(models_dir)

    async def scenario() -> None:
        load = RecordingLoader()
        async with registry_of(models_dir, load=load) as registry:
            await registry.unload("colours", "1")
            load.loaded.clear()
            loading = asyncio.create_task(registry.load("colours", "1"))
            while state(registry, 1) not in (State.LOADING, State.READY):
                await asyncio.sleep(0)
            assert await answered_by(registry, version="1", precision="fp32") == 1
            await loading
            assert load.loaded == [("colours", 1)]

    run(scenario)


def test_an_unloaded_version_stays_unloaded_until_it_is_loaded(models_dir: Path) -> None:
    make_package(models_dir)

    async def scenario() -> None:
        async with registry_of(models_dir) as registry:
            await registry.unload("colours", "1")
            await registry.refresh()
            assert state(registry, 1) is State.UNLOADED
            with pytest.raises(ModelNotReady, match="was unloaded"):
                await answered_by(registry)
            await registry.load("colours", "1")
            assert await answered_by(registry) == 1

    run(scenario)


def test_a_pinned_version_is_not_evicted(models_dir: Path) -> None:
    for _ in range(3):
        make_package(models_dir)

    async def scenario() -> None:
        async with registry_of(models_dir, max_on_demand=1) as registry:
            await registry.load("colours", "1")
            await answered_by(registry, version="2")
            assert (state(registry, 1), state(registry, 2)) == (State.READY, State.READY)

    run(scenario)


def test_a_pinned_version_stays_when_another_takes_over(models_dir: Path) -> None:
    make_package(models_dir)

    async def scenario() -> None:
        async with registry_of(models_dir) as registry:
            await registry.load("colours", "1")
            make_package(models_dir)
            await registry.refresh()
            assert await answered_by(registry) == 2
            assert state(registry, 1) is State.READY

    run(scenario)


def test_a_version_loaded_on_demand_is_safe_once_it_is_in_service(models_dir: Path) -> None:
    for _ in range(3):
        make_package(models_dir)

    async def scenario() -> None:
        async with registry_of(models_dir, max_on_demand=1) as registry:
            await answered_by(registry, version="1")
            registry.repository.set_alias("colours", "stable", 1)
            await registry.refresh()
            await answered_by(registry, version="2")
            assert (state(registry, 1), state(registry, 2)) == (State.READY, State.READY)

    run(scenario)


def test_a_look_that_finds_nothing_new_does_nothing(
    models_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    make_package(models_dir)

    async def scenario() -> None:
        load = RecordingLoader()
        async with registry_of(models_dir, load=load) as registry:
            with caplog.at_level("INFO", "service.repository.registry"):
                await registry.refresh()
            assert caplog.records == []
            assert len(load.loaded) == 1

    run(scenario)


def test_loading_a_damaged_version_says_why(models_dir: Path) -> None:
    make_package(models_dir)
    make_package(models_dir, after=damage_model)

    async def scenario() -> None:
        async with registry_of(models_dir) as registry:
            with pytest.raises(ModelNotReady, match="sha256"):
                await registry.load("colours", "2")

    run(scenario)
