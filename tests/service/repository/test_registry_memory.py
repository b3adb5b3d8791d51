"""A bound on the memory of all models: who makes room, who does not, and who comes back."""

import gc
import weakref
from pathlib import Path

from service.repository.model_cache import file_bytes
from service.repository.process_memory import give_back_freed_memory, resident_bytes
from service.repository.registry import ModelRegistry
from service.repository.states import State
from tests.builders import make_package
from tests.service.registries import registry_of, run, state, using, version

# Less than two models, however small they are.
ONE_MODEL_BYTES = 1


async def ask(registry: ModelRegistry, name: str) -> str:
    async with using(registry, name) as model:
        return model.name


def test_models_that_do_not_fit_are_loaded_when_they_are_asked_for(models_dir: Path) -> None:
    for name in ("a", "b"):
        make_package(models_dir, name=name)

    async def scenario() -> None:
        async with registry_of(models_dir, max_memory_bytes=ONE_MODEL_BYTES) as registry:
            states = {name: state(registry, 1, name) for name in ("a", "b")}
            assert sorted(states.values()) == [State.AVAILABLE, State.READY]
            for name in ("a", "b", "a"):
                assert await ask(registry, name) == name
                other = "b" if name == "a" else "a"
                assert state(registry, 1, name) is State.READY
                assert state(registry, 1, other) is State.AVAILABLE

    run(scenario)


def test_what_was_evicted_answers_for_its_model_again(models_dir: Path) -> None:
    for name in ("a", "b"):
        make_package(models_dir, name=name)

    async def scenario() -> None:
        async with registry_of(models_dir, max_memory_bytes=ONE_MODEL_BYTES) as registry:
            for name in ("a", "b", "a"):
                await ask(registry, name)
            await registry.refresh()
            assert registry.serving_version("a") == 1
            assert registry.serving_version("b") is None

    run(scenario)


def test_a_model_in_use_is_not_evicted(models_dir: Path) -> None:
    for name in ("a", "b"):
        make_package(models_dir, name=name)

    async def scenario() -> None:
        async with (
            registry_of(models_dir, max_memory_bytes=ONE_MODEL_BYTES) as registry,
            using(registry, "a"),
        ):
            await ask(registry, "b")
            assert state(registry, 1, "a") is State.READY

    run(scenario)


def test_the_default_model_is_not_evicted(models_dir: Path) -> None:
    for name in ("a", "b", "c"):
        make_package(models_dir, name=name)

    async def scenario() -> None:
        async with registry_of(
            models_dir, max_memory_bytes=ONE_MODEL_BYTES, default_model="a"
        ) as registry:
            await ask(registry, "a")
            await registry.refresh()
            await ask(registry, "b")
            await ask(registry, "c")
            assert [state(registry, 1, name) for name in ("a", "b", "c")] == [
                State.READY,
                State.AVAILABLE,
                State.READY,
            ]

    run(scenario)


def test_a_new_version_takes_over_although_memory_is_full(models_dir: Path) -> None:
    make_package(models_dir)

    async def scenario() -> None:
        async with registry_of(models_dir, max_memory_bytes=ONE_MODEL_BYTES) as registry:
            make_package(models_dir)
            await registry.refresh()
            assert registry.serving_version("colours") == 2

    run(scenario)


def test_a_model_counts_for_its_file_at_least(models_dir: Path) -> None:
    folder = make_package(models_dir)

    async def scenario() -> None:
        async with registry_of(models_dir) as registry:
            size = file_bytes(version(registry, 1))
            assert size == (folder / "model.onnx").stat().st_size
            assert registry.memory_bytes >= size

    run(scenario)


def test_an_unloaded_model_is_let_go_of(models_dir: Path) -> None:
    make_package(models_dir)

    async def scenario() -> None:
        async with registry_of(models_dir) as registry:
            async with using(registry) as model:
                gone = weakref.ref(model)
            del model
            await registry.unload("colours")
            await registry.given_up()
            gc.collect()
            assert gone() is None

    run(scenario)


def test_giving_memory_back_changes_nothing_that_is_in_use() -> None:
    kept = bytearray(b"x") * 1_000_000
    give_back_freed_memory()
    assert resident_bytes() is None or (resident_bytes() or 0) > len(kept)
