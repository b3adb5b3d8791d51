"""The use case without HTTP: batching across requests, deadlines, and clients that leave."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import ClientDisconnect, Request
from starlette.types import Message

from inference import DecodeLimits, SessionConfig, read_package
from service.api.cancelled_with_client import cancelled_with_client
from service.bodies.uploads import Upload
from service.engine.served_model import ServedModel
from service.engine.verified_loading import ModelLoader
from service.errors import DeadlineExceeded
from service.prediction.predictor import PredictOptions, Predictor
from service.prediction.stages import StageTimes
from tests.builders import LABELS, coloured, make_package
from tests.service.registries import untimed_tuner

FOREVER_S = 3600.0
FAR = time.monotonic() + FOREVER_S


class Served:
    """A model in service whose batches are noted."""

    def __init__(self, models_dir: Path, *, max_wait_s: float) -> None:
        self.batches: list[int] = []
        loader = ModelLoader(session=SessionConfig(provider="cpu"), tuner=untimed_tuner(64))
        loaded = loader.load(read_package(make_package(models_dir)))
        self.model = ServedModel(loaded, max_wait_s=max_wait_s, max_queue=64, observe=self._note)
        self.model.start()

    def _note(self, name: str, version: int, num_images: int, seconds: float) -> None:
        self.batches.append(num_images)


@asynccontextmanager
async def served(models_dir: Path, *, max_wait_s: float = FOREVER_S) -> AsyncIterator[Served]:
    made = Served(models_dir, max_wait_s=max_wait_s)
    try:
        yield made
    finally:
        await made.model.retire(grace_s=5)


@asynccontextmanager
async def predicting() -> AsyncIterator[Predictor]:
    predictor = Predictor(decode_threads=2, limits=DecodeLimits())
    try:
        yield predictor
    finally:
        predictor.close()


def uploads(*contents: bytes) -> list[Upload]:
    return [Upload(filename=None, content=content) for content in contents]


def run(scenario: Callable[[], Coroutine[Any, Any, None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(30):
            await scenario()

    asyncio.run(bounded())


def test_images_that_are_decoded_together_run_together(models_dir: Path) -> None:
    async def scenario() -> None:
        async with served(models_dir) as made, predicting() as predictor:
            images = uploads(*[coloured(label) for label in LABELS] * 4)
            outcomes = await predictor.predict(
                made.model, images, PredictOptions(), StageTimes(), deadline=FAR
            )
            labels = [o.prediction.label for o in outcomes if o.prediction]
            assert labels == list(LABELS) * 4
            assert made.batches == [12]

    run(scenario)


def test_a_decoded_image_waits_for_one_that_is_being_decoded(models_dir: Path) -> None:
    decoding = threading.Event()

    class SlowUpload(Upload):
        def image_bytes(self, max_bytes: int) -> bytes:
            decoding.wait()
            return coloured("blue")

    async def scenario() -> None:
        async with served(models_dir) as made, predicting() as predictor:
            images = [*uploads(coloured("red")), SlowUpload(filename=None, content=b"")]
            task = asyncio.create_task(
                predictor.predict(made.model, images, PredictOptions(), StageTimes(), deadline=FAR)
            )
            try:
                while made.model.num_waiting == 0:
                    await asyncio.sleep(0)
            finally:
                decoding.set()
            await task
            assert made.batches == [2]

    run(scenario)


def test_a_lone_image_waits_for_nobody(models_dir: Path) -> None:
    async def scenario() -> None:
        async with served(models_dir) as made, predicting() as predictor:
            await predictor.predict(
                made.model, uploads(coloured("red")), PredictOptions(), StageTimes(), deadline=FAR
            )
            assert made.batches == [1]

    run(scenario)


def test_a_bad_image_ends_the_wait_for_it(models_dir: Path) -> None:
    async def scenario() -> None:
        async with served(models_dir) as made, predicting() as predictor:
            outcomes = await predictor.predict(
                made.model,
                uploads(b"bad", coloured("red")),
                PredictOptions(),
                StageTimes(),
                deadline=FAR,
            )
            assert [o.error is None for o in outcomes] == [False, True]
            assert made.batches == [1]

    run(scenario)


def test_nothing_runs_after_the_deadline(models_dir: Path) -> None:
    async def scenario() -> None:
        async with served(models_dir) as made, predicting() as predictor:
            with pytest.raises(DeadlineExceeded):
                await predictor.predict(
                    made.model,
                    uploads(coloured("red")),
                    PredictOptions(),
                    StageTimes(),
                    deadline=time.monotonic(),
                )
            assert made.batches == []

    run(scenario)


def test_every_stage_is_timed(models_dir: Path) -> None:
    async def scenario() -> None:
        async with served(models_dir) as made, predicting() as predictor:
            times = StageTimes()
            await predictor.predict(
                made.model, uploads(coloured("red")), PredictOptions(), times, deadline=FAR
            )
            assert set(times.seconds) == {"decode", "queue", "infer"}

    run(scenario)


def test_options_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match="top_k"):
        PredictOptions(top_k=0)


def test_a_client_that_leaves_cancels_its_work() -> None:
    async def scenario() -> None:
        left, cancelled = asyncio.Event(), False

        async def receive() -> Message:
            await left.wait()
            return {"type": "http.disconnect"}

        request = Request({"type": "http", "method": "POST", "headers": []}, receive)

        async def work() -> None:
            nonlocal cancelled
            async with cancelled_with_client(request):
                left.set()
                try:
                    await asyncio.Event().wait()
                except asyncio.CancelledError:
                    cancelled = True
                    raise

        task = asyncio.create_task(work())
        done, _ = await asyncio.wait({task}, timeout=10)
        assert done == {task}
        assert cancelled
        with pytest.raises(ClientDisconnect):
            await task
        assert task.cancelling() == 0

    run(scenario)


def test_a_cancellation_from_elsewhere_stays_one() -> None:
    async def scenario() -> None:
        async def receive() -> Message:
            await asyncio.Event().wait()
            raise AssertionError

        async def work() -> None:
            request = Request({"type": "http", "method": "POST", "headers": []}, receive)
            async with cancelled_with_client(request):
                await asyncio.Event().wait()

        task = asyncio.create_task(work())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(scenario)
