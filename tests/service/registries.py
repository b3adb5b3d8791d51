"""Registries of real packages for tests, and what can be wrong with a package."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from inference import Package, PreparedImage, Repository, SessionConfig
from inference.precision import AskedPrecision
from service.engine.served_model import ServedModel
from service.engine.tuning import LoadedModel, Tuner
from service.engine.verified_loading import ModelLoader
from service.repository.catalog import PublishedVersion
from service.repository.model_cache import ModelCache
from service.repository.operations import Operations
from service.repository.registry import ModelRegistry
from service.repository.states import State
from service.repository.trial_queue import TrialQueue

NEVER_S = 3600.0
# Sees red where there is blue: its golden answers are still its own.
SWAPPED = np.eye(3, dtype=np.float32)[::-1] * 10


def untimed_tuner(max_batch: int) -> Tuner:
    """Measures nothing: one thread, one batch at a time, images decoded beside it."""
    return Tuner(
        cores=1, max_batch=max_batch, intra_op_threads=1, budget_s=0, decode_in_batch=False
    )


def untried(package: Package, precision: AskedPrecision) -> None:
    """In place of a trial: what is loaded in tests is safe."""


def serve(loaded: LoadedModel) -> ServedModel:
    return ServedModel(loaded, max_wait_s=0.002, max_queue=16, observe=lambda *_: None)


class RecordingLoader:
    """Loads for real and notes what."""

    def __init__(self) -> None:
        self.loaded: list[tuple[str, int]] = []
        self._loader = ModelLoader(session=SessionConfig(provider="cpu"), tuner=untimed_tuner(2))

    def __call__(self, package: Package, precision: AskedPrecision) -> LoadedModel:
        self.loaded.append((package.manifest.name, package.manifest.version))
        return self._loader.load(package, precision)


@asynccontextmanager
async def registry_of(
    models_dir: Path,
    *,
    load: RecordingLoader | None = None,
    trials: TrialQueue | None = None,
    max_on_demand: int = 4,
    max_memory_bytes: int = 0,
    operations: Operations | None = None,
    default_model: str | None = None,
    poll_interval_s: float = NEVER_S,
) -> AsyncIterator[ModelRegistry]:
    """A started registry that looks at the disk once, and then only when it is told to (if not polling)."""
    model_cache = ModelCache(
        trials=trials or TrialQueue(untried, end=lambda: None),
        load=load or RecordingLoader(),
        serve=serve,
        max_on_demand=max_on_demand,
        max_memory_bytes=max_memory_bytes,
        grace_s=5,
    )
    registry = ModelRegistry(
        Repository(models_dir),
        model_cache=model_cache,
        operations=operations or Operations(),
        poll_interval_s=poll_interval_s,
        default_model=default_model,
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


@asynccontextmanager
async def using(
    registry: ModelRegistry, name: str = "colours", *, timeout_s: float = 10, **choice: Any
) -> AsyncIterator[ServedModel]:
    with (await registry.find(name, timeout_s=timeout_s, **choice)).hold() as model:
        yield model


async def answered_by(registry: ModelRegistry, **choice: Any) -> int:
    async with using(registry, **choice) as model:
        return model.version


async def first_score(registry: ModelRegistry) -> float:
    """Return the logit of "red" for a red image."""
    red = np.full((16, 16, 3), (250, 10, 10), np.uint8)
    async with using(registry) as model:
        return await first_logit(model, red)


async def first_logit(model: ServedModel, pixels: npt.NDArray[np.uint8]) -> float:
    """Return a model's first logit for an image of (H, W, 3) uint8 RGB."""
    image = PreparedImage(pixels=pixels, source_wh=(pixels.shape[1], pixels.shape[0]))
    answered = await model.run(lambda: image, activation_map=False, deadline=float("inf"))
    return float(answered.outputs.logits[0, 0])


def damage_model(folder: Path) -> None:
    data = bytearray((folder / "model.onnx").read_bytes())
    data[-1] ^= 1
    (folder / "model.onnx").write_bytes(data)


def damage_manifest(folder: Path) -> None:
    (folder / "manifest.json").write_text("{")


def damage_golden(folder: Path) -> None:
    expected = folder / "golden" / "expected.json"
    expected.write_text(expected.read_text().replace("0.99", "0.01"))


DAMAGES = [damage_model, damage_manifest, damage_golden]
