"""The repository in motion: swaps, failures that change nothing, what vanishes."""

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from inference import ModelNotFound, Repository
from service.errors import ModelNotReady
from service.repository.states import State
from tests.builders import make_package
from tests.service.registries import (
    DAMAGES,
    SWAPPED,
    RecordingLoader,
    answered_by,
    damage_model,
    first_logit,
    first_score,
    registry_of,
    run,
    state,
    using,
    version,
)


def test_the_latest_version_answers(models_dir: Path) -> None:
    make_package(models_dir)
    make_package(models_dir)

    async def scenario() -> None:
        async with registry_of(models_dir) as registry:
            assert await answered_by(registry) == 2
            assert (state(registry, 1), state(registry, 2)) == (State.AVAILABLE, State.READY)

    run(scenario)


def test_a_new_version_takes_over_and_the_old_one_is_given_up(models_dir: Path) -> None:
    make_package(models_dir)

    async def scenario() -> None:
        async with registry_of(models_dir) as registry:
            make_package(models_dir)
            await registry.refresh()
            assert await answered_by(registry) == 2
            assert state(registry, 1) is State.AVAILABLE

    run(scenario)


def test_a_new_version_is_noticed_by_itself(models_dir: Path) -> None:
    make_package(models_dir)

    async def scenario() -> None:
        async with registry_of(models_dir, poll_interval_s=0.01) as registry:
            make_package(models_dir)
            while registry.serving_version("colours") != 2:
                await asyncio.sleep(0)

    run(scenario)


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_version_that_fails_leaves_the_old_one_in_service(
    models_dir: Path, damage: Callable[[Path], None]
) -> None:
    make_package(models_dir)

    async def scenario() -> None:
        async with registry_of(models_dir) as registry:
            make_package(models_dir, after=damage)
            await registry.refresh()
            assert await answered_by(registry) == 1
            assert state(registry, 2) is State.FAILED
            assert registry.model_problem(registry.catalog.models["colours"])

    run(scenario)


@pytest.mark.parametrize("damage", DAMAGES)
def test_after_a_restart_the_newest_version_that_works_answers(
    models_dir: Path, damage: Callable[[Path], None]
) -> None:
    make_package(models_dir)
    make_package(models_dir, after=damage)

    async def scenario() -> None:
        async with registry_of(models_dir) as registry:
            assert await answered_by(registry) == 1
            with pytest.raises(ModelNotReady, match="version 2 cannot be served"):
                await answered_by(registry, version="2")

    run(scenario)


def test_a_bad_package_never_stops_the_others(models_dir: Path) -> None:
    make_package(models_dir, name="broken", after=damage_model)
    make_package(models_dir)

    async def scenario() -> None:
        async with registry_of(models_dir) as registry:
            assert await answered_by(registry) == 1
            assert state(registry, 1, "broken") is State.FAILED

    run(scenario)


def test_a_failed_version_is_tried_again_when_told_and_when_a_file_changes(
    models_dir: Path,
) -> None:
    make_package(models_dir, after=damage_model)

    async def scenario() -> None:
        load = RecordingLoader()
        async with registry_of(models_dir, load=load) as registry:
            await registry.refresh()
            assert load.loaded == [("colours", 1)]
            await registry.retry()
            assert load.loaded == [("colours", 1)] * 2
            (models_dir / "colours" / "1" / "golden" / "new").touch()
            await registry.refresh()
            assert load.loaded == [("colours", 1)] * 3
            await registry.refresh()
            assert load.loaded == [("colours", 1)] * 3

    run(scenario)


def test_the_stable_alias_decides(models_dir: Path) -> None:
    make_package(models_dir)
    make_package(models_dir)

    async def scenario() -> None:
        async with registry_of(models_dir) as registry:
            registry.repository.set_alias("colours", "stable", 1)
            await registry.refresh()
            assert await answered_by(registry) == 1
            assert await answered_by(registry, version="latest") == 2
            assert await answered_by(registry, version="stable") == 1

    run(scenario)


def test_damaged_aliases_leave_the_version_in_service(models_dir: Path) -> None:
    make_package(models_dir)
    make_package(models_dir)
    Repository(models_dir).set_alias("colours", "stable", 1)

    async def scenario() -> None:
        async with registry_of(models_dir) as registry:
            (models_dir / "colours" / "aliases.json").write_text("{")
            await registry.refresh()
            assert await answered_by(registry) == 1
            assert "aliases.json" in (registry.catalog.models["colours"].problem or "")

    run(scenario)


def test_a_version_republished_under_its_number_is_loaded_anew(models_dir: Path) -> None:
    folder = make_package(models_dir)

    async def scenario() -> None:
        async with registry_of(models_dir) as registry:
            assert await first_score(registry) > 9
            shutil.rmtree(folder)
            make_package(models_dir, weight=SWAPPED)
            await registry.refresh()
            assert await answered_by(registry) == 1
            assert await first_score(registry) < 1

    run(scenario)


def test_a_removed_model_is_gone(models_dir: Path) -> None:
    folder = make_package(models_dir)

    async def scenario() -> None:
        async with registry_of(models_dir) as registry:
            shutil.rmtree(folder.parent)
            await registry.refresh()
            with pytest.raises(ModelNotFound):
                await answered_by(registry)

    run(scenario)


def test_an_unmounted_repository_takes_nothing_out_of_service(models_dir: Path) -> None:
    make_package(models_dir)

    async def scenario() -> None:
        async with registry_of(models_dir) as registry:
            models_dir.rename(models_dir.with_name("elsewhere"))
            await registry.refresh()
            assert await answered_by(registry) == 1
            assert registry.catalog.problem

    run(scenario)


def test_an_empty_folder_in_a_volumes_place_takes_nothing_out_of_service(models_dir: Path) -> None:
    make_package(models_dir)
    make_package(models_dir, name="shapes")

    async def scenario() -> None:
        async with registry_of(models_dir) as registry:
            for mounted in (models_dir / "shapes", models_dir):
                mounted.rename(mounted.with_name("volume"))
                mounted.mkdir()
                await registry.refresh()
                assert registry.serving_version("colours") == 1
                assert registry.serving_version("shapes") == 1
                mounted.rmdir()
                mounted.with_name("volume").rename(mounted)
                await registry.refresh()
                assert registry.catalog.problem is None
            shutil.rmtree(models_dir / "shapes")
            await registry.refresh()
            assert list(registry.catalog.models) == ["colours"]

    run(scenario)


@pytest.mark.parametrize("file", ["manifest.json", "model.onnx"])
def test_a_version_in_service_answers_while_it_is_copied_over(models_dir: Path, file: str) -> None:
    folder = make_package(models_dir)
    make_package(models_dir, name="anew", weight=SWAPPED)

    async def scenario() -> None:
        load = RecordingLoader()
        async with registry_of(models_dir, load=load) as registry:
            whole = (folder / file).read_bytes()
            (folder / file).write_bytes(whole[:100])
            await registry.refresh()
            assert await answered_by(registry) == 1
            assert await answered_by(registry, version="1") == 1
            assert (
                "100" in (registry.status(version(registry, 1)).problem or "")
                or file == "manifest.json"
            )
            assert registry.model_problem(registry.catalog.models["colours"])
            (folder / file).write_bytes(whole)
            await registry.refresh()
            assert registry.model_problem(registry.catalog.models["colours"]) is None
            assert await answered_by(registry) == 1

    run(scenario)


def test_a_replaced_model_answers_who_already_holds_it(models_dir: Path) -> None:
    make_package(models_dir)

    async def scenario() -> None:
        async with (
            registry_of(models_dir) as registry,
            using(registry) as old,
        ):
            make_package(models_dir)
            await registry.refresh()
            assert await answered_by(registry) == 2
            pixels = np.zeros((16, 16, 3), np.uint8)
            assert np.isfinite(await first_logit(old, pixels))

    run(scenario)
