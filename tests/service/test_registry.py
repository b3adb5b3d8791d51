"""The repository in motion: swaps, failures that change nothing, loading on demand, giving back."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inference import Classifier, ModelNotFound, Package, Repository, SessionConfig
from service.batching import BatchLimits
from service.catalog import PublishedVersion
from service.errors import InvalidParameter, ModelNotReady, Overloaded
from service.loading import AskedPrecision, ModelLoader
from service.registry import ModelRegistry
from service.served_model import ServedModel
from service.states import State
from tests.builders import make_package

LIMITS = BatchLimits(max_batch=2, max_wait_s=0.002, max_queue=16)
NEVER_S = 3600.0
# Sees red where there is blue: its golden answers are still its own.
SWAPPED = np.eye(3, dtype=np.float32)[::-1] * 10


class RecordingLoader:
    """Loads for real and notes what."""

    def __init__(self) -> None:
        self.loaded: list[tuple[str, int]] = []
        self._loader = ModelLoader(session=SessionConfig(provider="cpu"), max_batch=2)

    def __call__(self, package: Package, precision: AskedPrecision) -> Classifier:
        self.loaded.append((package.manifest.name, package.manifest.version))
        return self._loader.load(package, precision)


@asynccontextmanager
async def registry_of(
    models_dir: Path,
    *,
    load: RecordingLoader | None = None,
    max_on_demand: int = 4,
    poll_interval_s: float = NEVER_S,
) -> AsyncIterator[ModelRegistry]:
    """A started registry that looks at the disk once, and then only when it is told to (if not polling)."""
    registry = ModelRegistry(
        Repository(models_dir),
        load=load or RecordingLoader(),
        serve=lambda c: ServedModel(c, limits=LIMITS, observe=lambda *_: None),
        poll_interval_s=poll_interval_s,
        max_on_demand=max_on_demand,
        grace_s=5,
    )
    await registry.start()
    await registry.settled()
    try:
        yield registry
    finally:
        await registry.close()


def run(scenario: Callable[[], Coroutine[Any, Any, None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(30):
            await scenario()

    asyncio.run(bounded())


def version(registry: ModelRegistry, number: int, name: str = "colours") -> PublishedVersion:
    return registry.catalog.models[name].versions[number]


def state(registry: ModelRegistry, number: int, name: str = "colours") -> State:
    return registry.status(version(registry, number, name)).state


async def answered_by(registry: ModelRegistry, **choice: Any) -> int:
    async with registry.use("colours", timeout_s=10, **choice) as model:
        return model.version


async def first_score(registry: ModelRegistry) -> float:
    """Return the logit of "red" for a red image."""
    red = np.full((16, 16, 3), (250, 10, 10), np.uint8)
    async with registry.use("colours", timeout_s=10) as model:
        batched = await model.run(red, activation_map=False, deadline=float("inf"))
    return float(batched.value.logits[0, 0])


def damage_model(folder: Path) -> None:
    (folder / "model.onnx").write_bytes(b"not the published bytes")


def damage_manifest(folder: Path) -> None:
    (folder / "manifest.json").write_text("{")


def damage_golden(folder: Path) -> None:
    expected = folder / "golden" / "expected.json"
    expected.write_text(expected.read_text().replace("0.99", "0.01"))


DAMAGES = [damage_model, damage_manifest, damage_golden]


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


def test_a_failed_version_is_tried_again_only_when_told(models_dir: Path) -> None:
    make_package(models_dir, after=damage_model)

    async def scenario() -> None:
        load = RecordingLoader()
        async with registry_of(models_dir, load=load) as registry:
            await registry.refresh()
            assert load.loaded == [("colours", 1)]
            await registry.refresh(retry_failed=True)
            assert load.loaded == [("colours", 1)] * 2

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


def test_a_replaced_model_answers_who_already_holds_it(models_dir: Path) -> None:
    make_package(models_dir)

    async def scenario() -> None:
        async with (
            registry_of(models_dir) as registry,
            registry.use("colours", timeout_s=10) as old,
        ):
            make_package(models_dir)
            await registry.refresh()
            assert await answered_by(registry) == 2
            pixels = np.zeros((16, 16, 3), np.uint8)
            batched = await old.run(pixels, activation_map=False, deadline=float("inf"))
            assert batched.value.probabilities.shape == (1, 3)

    run(scenario)


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
                async with registry.use("colours", version="1", timeout_s=0):
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
            with pytest.raises(InvalidParameter, match="it has fp32"):
                await answered_by(registry, precision="int8")

    run(scenario)


def test_an_unloaded_version_stays_unloaded_until_it_is_loaded(models_dir: Path) -> None:
    make_package(models_dir)

    async def scenario() -> None:
        async with registry_of(models_dir) as registry:
            registry.unload("colours", "1")
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
            with caplog.at_level("INFO", "service.registry"):
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
