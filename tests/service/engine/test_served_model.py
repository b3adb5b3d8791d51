"""A model in service whose batches decode their own images."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inference import Classifier, PreparedImage, SessionConfig, UnsupportedFormat, read_package
from service.engine.served_model import Answered, Prepare, ServedModel
from service.engine.tuning import LoadedModel, Tuning
from service.errors import DeadlineExceeded
from tests.builders import LABELS, coloured, make_package
from tests.service.registries import SWAPPED

NEVER = float("inf")


class Served:
    """The colour model, one batch at a time, and one on all cores that takes red for blue."""

    def __init__(self, models_dir: Path) -> None:
        self.decoded: list[bytes] = []
        self.batches: list[int] = []
        self._classifier = load(make_package(models_dir))
        loaded = LoadedModel(
            classifier=self._classifier,
            tuning=Tuning(intra_op_threads=1, max_running=1, max_batch=8, decode_in_batch=True),
            for_lone_image=load(make_package(models_dir, name="other", weight=SWAPPED)),
        )
        self.model = ServedModel(loaded, max_wait_s=0, max_queue=64, observe=self._note)

    def _note(self, name: str, version: int, num_images: int, seconds: float) -> None:
        self.batches.append(num_images)

    def prepare(self, data: bytes) -> Prepare:
        def decode() -> PreparedImage:
            self.decoded.append(data)
            return self._classifier.prepare(data)

        return decode

    async def answer(self, data: bytes, deadline: float = NEVER) -> str:
        answered = await self.model.run(self.prepare(data), activation_map=False, deadline=deadline)
        return label(answered)

    async def answer_all(self, images: Sequence[bytes]) -> list[str | BaseException]:
        """Answer images that wait together when the model begins to work."""
        waiting = [asyncio.ensure_future(self.answer(data)) for data in images]
        await asyncio.sleep(0)
        self.model.start()
        return await asyncio.gather(*waiting, return_exceptions=True)


def load(package: Path) -> Classifier:
    return Classifier.load(read_package(package), session=SessionConfig(provider="cpu"))


def label(answered: Answered) -> str:
    return LABELS[int(np.argmax(answered.outputs.logits))]


def run(models_dir: Path, scenario: Callable[[Served], Coroutine[Any, Any, None]]) -> None:
    async def bounded() -> None:
        served = Served(models_dir)
        async with asyncio.timeout(30):
            await scenario(served)
            await served.model.retire(grace_s=5)

    asyncio.run(bounded())


def test_a_batch_decodes_and_answers_its_images_in_order(models_dir: Path) -> None:
    images = [coloured(name) for name in (*LABELS, "red")]

    async def scenario(served: Served) -> None:
        assert await served.answer_all(images) == [*LABELS, "red"]
        assert served.batches == [4]
        assert served.decoded == images

    run(models_dir, scenario)


def test_an_unreadable_image_leaves_its_neighbours_alone(models_dir: Path) -> None:
    async def scenario(served: Served) -> None:
        first, bad, last = await served.answer_all([coloured("red"), b"bad", coloured("blue")])
        assert (first, last) == ("red", "blue")
        assert isinstance(bad, UnsupportedFormat)
        assert served.batches == [2]

    run(models_dir, scenario)


def test_of_unreadable_images_the_model_hears_nothing(models_dir: Path) -> None:
    async def scenario(served: Served) -> None:
        found = await served.answer_all([b"bad", b"worse"])
        assert [type(error) for error in found] == [UnsupportedFormat, UnsupportedFormat]
        assert served.batches == []

    run(models_dir, scenario)


def test_an_image_past_its_deadline_is_not_even_decoded(models_dir: Path) -> None:
    async def scenario(served: Served) -> None:
        served.model.start()
        with pytest.raises(DeadlineExceeded):
            await served.answer(coloured("red"), deadline=time.monotonic())
        assert served.decoded == []

    run(models_dir, scenario)


def test_a_lone_image_has_all_cores_and_those_in_company_have_not(models_dir: Path) -> None:
    async def scenario(served: Served) -> None:
        assert await served.answer_all([coloured("red")] * 2) == ["red", "red"]
        assert await served.answer(coloured("red")) == "blue"  # the other model's answer
        assert served.batches == [2, 1]

    run(models_dir, scenario)


def test_what_took_how_long_is_told(models_dir: Path) -> None:
    async def scenario(served: Served) -> None:
        served.model.start()
        answered = await served.model.run(
            served.prepare(coloured("red")), activation_map=False, deadline=NEVER
        )
        assert min(answered.prepare_s, answered.infer_s, answered.queue_s) > 0

    run(models_dir, scenario)
