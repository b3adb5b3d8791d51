"""Requests shared among versions: who answers, what is in memory, and what a failure does."""

from collections import Counter
from pathlib import Path

from inference.traffic import TRAFFIC_FILE, Traffic
from service.repository.registry import ModelRegistry
from service.repository.states import State
from tests.builders import make_package
from tests.service.registries import answered_by, damage_model, registry_of, run, state

HALF = Traffic(weights={"1": 1, "2": 1})


async def share(registry: ModelRegistry, traffic: Traffic | None) -> None:
    registry.repository.set_traffic("colours", traffic)
    await registry.refresh()


async def answers(registry: ModelRegistry, num_requests: int = 60) -> "Counter[int]":
    return Counter(
        [await answered_by(registry, traffic_key=str(key)) for key in range(num_requests)]
    )


def test_both_versions_answer_and_both_are_in_memory(models_dir: Path) -> None:
    make_package(models_dir)
    make_package(models_dir)

    async def scenario() -> None:
        async with registry_of(models_dir) as registry:
            await share(registry, HALF)
            assert (state(registry, 1), state(registry, 2)) == (State.READY, State.READY)
            counts = await answers(registry)
            assert min(counts[1], counts[2]) > 10

    run(scenario)


def test_a_version_that_is_named_answers_whatever_the_traffic(models_dir: Path) -> None:
    make_package(models_dir)
    make_package(models_dir)

    async def scenario() -> None:
        async with registry_of(models_dir) as registry:
            await share(registry, Traffic(weights={"1": 1}))
            assert await answered_by(registry, version="2", traffic_key="k") == 2
            assert await answered_by(registry, traffic_key="k") == 1

    run(scenario)


def test_a_candidate_that_fails_to_load_leaves_its_share_to_the_default(models_dir: Path) -> None:
    make_package(models_dir)
    make_package(models_dir, after=damage_model)

    async def scenario() -> None:
        async with registry_of(models_dir) as registry:
            await share(registry, HALF)
            assert await answers(registry) == {1: 60}
            assert state(registry, 2) is State.FAILED

    run(scenario)


def test_the_end_of_the_traffic_gives_the_candidate_up(models_dir: Path) -> None:
    make_package(models_dir)
    make_package(models_dir)

    async def scenario() -> None:
        async with registry_of(models_dir) as registry:
            await share(registry, HALF)
            await share(registry, None)
            assert await answers(registry) == {2: 60}
            assert state(registry, 1) is State.AVAILABLE

    run(scenario)


def test_a_version_in_the_traffic_stays_when_another_takes_over(models_dir: Path) -> None:
    make_package(models_dir)

    async def scenario() -> None:
        async with registry_of(models_dir) as registry:
            await share(registry, Traffic(weights={"1": 1, "latest": 1}))
            make_package(models_dir)
            await registry.refresh()
            assert (state(registry, 1), state(registry, 2)) == (State.READY, State.READY)
            counts = await answers(registry)
            assert min(counts[1], counts[2]) > 10

    run(scenario)


def test_a_damaged_traffic_file_leaves_the_traffic_and_is_shown(models_dir: Path) -> None:
    make_package(models_dir)
    make_package(models_dir)

    async def scenario() -> None:
        async with registry_of(models_dir) as registry:
            await share(registry, Traffic(weights={"1": 1}))
            (models_dir / "colours" / TRAFFIC_FILE).write_text("{")
            await registry.refresh()
            model = registry.catalog.models["colours"]
            assert "traffic.json" in (registry.model_problem(model) or "")
            assert await answered_by(registry, traffic_key="k") == 1

    run(scenario)


def test_a_shadow_is_loaded_and_never_answers(models_dir: Path) -> None:
    make_package(models_dir)
    make_package(models_dir)

    async def scenario() -> None:
        async with registry_of(models_dir) as registry:
            await share(registry, Traffic(shadow="1"))
            assert await answers(registry) == {2: 60}
            shadow = registry.shadow_of("colours", 2)
            assert shadow is not None
            assert shadow.version == 1
            assert registry.shadow_of("colours", 1) is None  # it would be compared with itself

    run(scenario)
