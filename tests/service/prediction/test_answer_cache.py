"""Answers that are kept: within their bound, made once for all who wait, and of one load of one version."""

import asyncio
import gc
import tracemalloc
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from inference import ImageError, LabelProbability, Prediction
from service.bodies.encoded_text import EncodedText
from service.bodies.uploads import Upload
from service.engine.served_model import ServedModel
from service.errors import DeadlineExceeded, InvalidBase64
from service.prediction.answer_cache import AnswerCache, AnswerKey
from service.prediction.predictor import Outcome, PredictOptions

MIB = 2**20
BATCH = np.zeros((16, 1280), np.float32)


def key(number: int, *, load_id: int = 1, **options: bool) -> AnswerKey:
    return AnswerKey(load_id, PredictOptions(**options), number.to_bytes(32, "big"))


def outcome(num_labels: int = 5) -> Outcome:
    top = tuple(LabelProbability(label="x", probability=1 / (i + 2)) for i in range(num_labels))
    prediction = Prediction(
        label="x",
        probability=0.5,
        rejected_reason=None,
        top=top,
        label_set=None,
        embedding=BATCH.copy()[0],
        activation_map=None,
    )
    return Outcome(filename="first.jpg", prediction=prediction)


async def made(num_labels: int = 5) -> Outcome:
    return outcome(num_labels)


def cache_of(max_bytes: int = MIB, lookups: list[str] | None = None) -> AnswerCache:
    return AnswerCache(max_bytes=max_bytes, observe=(lookups if lookups is not None else []).append)


class Model:
    """Answers when it is let to; counts how often it was asked."""

    def __init__(self, *outcomes: Outcome) -> None:
        self.asked = 0
        self.begun, self.may_answer = asyncio.Event(), asyncio.Event()
        self._outcomes = outcomes

    async def __call__(self) -> Outcome:
        self.asked += 1
        found = self._outcomes[min(self.asked, len(self._outcomes)) - 1]
        self.begun.set()
        await self.may_answer.wait()
        return found


def ten_at_once(
    *outcomes: Outcome,
    meanwhile: Callable[[list["asyncio.Task[Outcome]"]], object] = len,
) -> tuple[Model, list[Outcome | BaseException], list[str]]:
    """Ask for one image ten times while the first is being answered."""
    lookups: list[str] = []

    async def scenario() -> tuple[Model, list[Outcome | BaseException]]:
        cache, model = cache_of(lookups=lookups), Model(*outcomes)
        async with asyncio.timeout(20):
            tasks = [
                asyncio.create_task(cache.answer(key(1), f"{i}.jpg", model)) for i in range(10)
            ]
            await model.begun.wait()
            meanwhile(tasks)
            model.may_answer.set()
            return model, await asyncio.gather(*tasks, return_exceptions=True)

    model, answers = asyncio.run(scenario())
    return model, answers, lookups


def labels_and_names(answers: list[Outcome | BaseException]) -> list[tuple[str, str | None]]:
    return [
        (a.prediction.label if a.prediction else str(a.error), a.filename)
        for a in answers
        if isinstance(a, Outcome)
    ]


def test_equal_images_in_flight_are_computed_once_each_under_its_own_name() -> None:
    model, answers, lookups = ten_at_once(outcome())
    assert model.asked == 1
    assert labels_and_names(answers)[1:] == [("x", f"{i}.jpg") for i in range(1, 10)]
    assert lookups == ["miss", *["collapsed"] * 9]


def test_a_first_caller_that_leaves_fails_none_of_the_others() -> None:
    model, answers, _ = ten_at_once(outcome(), meanwhile=lambda tasks: tasks[0].cancel())
    assert isinstance(answers[0], asyncio.CancelledError)
    assert [label for label, _ in labels_and_names(answers)] == ["x"] * 9
    assert model.asked == 2  # the second took over, for all


def test_a_caller_that_leaves_while_it_waits_stops_nobody() -> None:
    model, answers, _ = ten_at_once(outcome(), meanwhile=lambda tasks: tasks[4].cancel())
    assert len(labels_and_names(answers)) == 9
    assert model.asked == 1


def test_the_deadline_of_the_first_caller_is_not_that_of_the_others() -> None:
    late = Outcome(filename=None, error=DeadlineExceeded("late"))
    model, answers, _ = ten_at_once(late, outcome())
    assert [label for label, _ in labels_and_names(answers)] == ["late", *["x"] * 9]
    assert model.asked == 2


def test_a_problem_of_the_image_is_shared_by_those_who_wait_and_then_forgotten() -> None:
    bad = Outcome(filename=None, error=ImageError("broken"))
    model, answers, _ = ten_at_once(bad)
    assert [text for text, _ in labels_and_names(answers)] == ["broken"] * 10
    assert model.asked == 1

    async def again() -> None:
        cache = cache_of()
        await cache.answer(key(1), None, ready(bad))
        assert cache.find(key(1), None) is None

    asyncio.run(again())


def ready(found: Outcome) -> Callable[[], Awaitable[Outcome]]:
    async def compute() -> Outcome:
        return found

    return compute


@pytest.mark.parametrize(("num_labels", "embedding"), [(1, False), (40, False), (5, True)])
def test_memory_stays_within_the_bound_and_the_oldest_go_first(
    num_labels: int, embedding: bool
) -> None:
    async def scenario() -> None:
        cache = cache_of(MIB)
        gc.collect()
        tracemalloc.start()
        try:
            for number in range(1200):
                await cache.answer(key(number, embedding=embedding), None, lambda: made(num_labels))
            gc.collect()
            held_bytes, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert 0.5 * MIB < held_bytes <= 1.05 * MIB, (held_bytes, cache.num_bytes, len(cache))
        assert cache.num_bytes <= MIB
        assert cache.find(key(1199, embedding=embedding), None) is not None
        assert cache.find(key(0, embedding=embedding), None) is None
        cache.forget(1)
        assert (len(cache), cache.num_bytes) == (0, 0)

    asyncio.run(scenario())


def test_what_is_larger_than_the_bound_is_not_kept() -> None:
    async def scenario() -> None:
        cache = cache_of(2000)
        await cache.answer(key(1), None, made)
        await cache.answer(key(2, embedding=True), None, made)
        assert cache.find(key(1), None) is not None
        assert cache.find(key(2, embedding=True), None) is None

    asyncio.run(scenario())


def test_another_load_another_option_and_another_form_of_the_body_are_other_answers() -> None:
    async def scenario() -> None:
        cache = cache_of()
        contents: list[bytes | EncodedText] = [
            b"aGk=",
            EncodedText(b"aGk="),
            EncodedText(b"aGk=", escaped=True),
        ]
        for load_id in (1, 2):
            model = cast(ServedModel, SimpleNamespace(load_id=load_id))
            for options in (PredictOptions(), PredictOptions(top_k=1)):
                for content in contents:
                    upload = Upload(filename="a", content=content)
                    asked = await cache.ask(model, [upload], options)
                    assert asked.num_known == 0
                    await asked.answer(0, made)
                    again = await cache.ask(model, [upload, upload], options)
                    assert again.num_known == 2
        cache.forget(1)
        assert len(cache) == 6
        no_image = Upload(filename=None, content=InvalidBase64("no"))
        asked = await cache.ask(model, [no_image], PredictOptions())
        await asked.answer(0, made)
        assert len(cache) == 6

    asyncio.run(scenario())
