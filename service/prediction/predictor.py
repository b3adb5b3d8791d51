"""The use case: images as they were sent -> predictions, one outcome an image. Knows no HTTP."""

import asyncio
import dataclasses
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Any, Literal

from inference import (
    DecodeLimits,
    ImageError,
    ImageTooCostly,
    Prediction,
    SessionError,
    crop_box,
)
from service.bodies.uploads import Upload
from service.engine.served_model import Answered, Prepare, ServedModel
from service.errors import (
    DeadlineExceeded,
    ModelMisbehaved,
    RequestError,
    UnavailableError,
)
from service.prediction.decoders import Decoders
from service.prediction.decoding_budget import DecodingBudget
from service.prediction.stages import StageTimes


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictOptions:
    """What the caller wants to know: `top_k` labels an image, and which extras."""

    top_k: int = 5
    embedding: bool = False
    activation_map: bool = False
    label_set: bool = False

    def __post_init__(self) -> None:
        if self.top_k < 1:
            raise ValueError(f"top_k must be 1 or more, got {self.top_k}")


# Whether an image's answer was kept, was being made for another request, or had to be made (RFC 9211).
Lookup = Literal["hit", "collapsed", "miss"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One image's prediction, or the error that stands in its place.

    `lookup` says how the answer was found, and `age_s` for how long it had been kept, where it was.
    `crop_box` is there with an activation map, and is what the model's input shows: (left, top, right,
    bottom) in the sent image's pixels after its EXIF turn, and beyond the image where that is padded.
    """

    filename: str | None
    prediction: Prediction | None = None
    lookup: Lookup = "miss"
    age_s: float | None = None
    crop_box: tuple[float, float, float, float] | None = None
    error: Exception | None = None


# Called with an image's place in the request and what answers it.
Through = Callable[[int, Callable[[], Awaitable[Outcome]]], Coroutine[Any, Any, Outcome]]


class ended_by:  # noqa: N801  # a context manager, named as those of the standard library
    """End the context at a time of `time.monotonic`.

    Raises:
        DeadlineExceeded: it came.
    """

    __slots__ = ("_left_s", "_timeout")

    def __init__(self, deadline: float) -> None:
        self._left_s = deadline - time.monotonic()
        self._timeout = asyncio.timeout(self._left_s)

    async def __aenter__(self) -> None:
        """Begin to count."""
        await self._timeout.__aenter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        err: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop counting."""
        try:
            await self._timeout.__aexit__(kind, err, trace)
        except TimeoutError as ended:
            raise DeadlineExceeded(
                f"no answer within {max(self._left_s, 0):.3g} s; try again later, or with fewer or "
                "smaller images"
            ) from ended


class Predictor:
    """Hands images to the model's batcher, decoded in threads of its own where the batch does not do it."""

    def __init__(self, *, decode_threads: int, limits: DecodeLimits) -> None:
        # Not the default pool: a flood of images must not keep anything else waiting.
        self._threads = ThreadPoolExecutor(decode_threads, thread_name_prefix="decode")
        self._decoders = Decoders(limits)

    def close(self) -> None:
        """Give the threads back, and end what decodes apart."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._decoders.close()

    def budget_for(self, uploads: Sequence[Upload]) -> DecodingBudget | None:
        """Return what the images of one request may take together; None for a lone one, which has its own."""
        return self._decoders.budget() if len(uploads) > 1 else None

    async def predict(
        self,
        model: ServedModel,
        uploads: Sequence[Upload],
        options: PredictOptions,
        times: StageTimes,
        *,
        deadline: float,
        through: Through | None = None,
    ) -> list[Outcome]:
        """Answer every image, in order, until `deadline` (of `time.monotonic`).

        One that fails leaves its neighbours alone. `through` is given what answers an image, with the
        image's place, and may know the answer without.

        Raises:
            DeadlineExceeded: the answers did not come in time.
            Overloaded, ShuttingDown: the service could not answer some of them.
        """
        budget = self.budget_for(uploads)
        one = partial(self._answer, model, options, times, deadline=deadline, budget=budget)
        answers = [
            one(upload) if through is None else through(index, partial(one, upload))
            for index, upload in enumerate(uploads)
        ]
        async with ended_by(deadline):
            # A lone image needs no task of its own.
            outcomes = [await answers[0]] if len(answers) == 1 else await asyncio.gather(*answers)
        for outcome in outcomes:
            if isinstance(outcome.error, UnavailableError):
                raise outcome.error
        return outcomes

    async def run(
        self,
        model: ServedModel,
        upload: Upload,
        times: StageTimes,
        *,
        activation_map: bool,
        deadline: float,
        budget: DecodingBudget | None,
        top_k: int | None = None,
    ) -> Answered:
        """Decode one image and run it; find its labels, where `top_k` is given.

        Raises:
            ImageError, RequestError: the image cannot be decoded.
            UnavailableError, ModelMisbehaved, SessionError: as `ServedModel.run`.
        """
        spec = model.classifier.manifest.preprocessing
        prepare: Prepare = partial(self._decoders.prepare_here, upload, spec, budget)
        try:
            if not model.tuning.decode_in_batch:
                prepare = await self._prepared(model, prepare, times)
            answered = await model.run(
                prepare, activation_map=activation_map, deadline=deadline, top_k=top_k
            )
        except ImageTooCostly:
            with times.measure("decode"):
                image = await self._decoders.prepare_apart(upload, spec, budget)
            answered = await model.run(
                lambda: image, activation_map=activation_map, deadline=deadline, top_k=top_k
            )
        times.note("decode", answered.prepare_s)
        times.note("queue", answered.queue_s)
        times.note("infer", answered.infer_s)
        return answered

    async def _prepared(self, model: ServedModel, prepare: Prepare, times: StageTimes) -> Prepare:
        """Decode an image now, in a thread of our own; return what gives its pixels."""
        with model.expecting(), times.measure("decode"):
            image = await asyncio.get_running_loop().run_in_executor(self._threads, prepare)
        return lambda: image

    async def _answer(
        self,
        model: ServedModel,
        options: PredictOptions,
        times: StageTimes,
        upload: Upload,
        *,
        deadline: float,
        budget: DecodingBudget | None,
    ) -> Outcome:
        try:
            answered = await self.run(
                model,
                upload,
                times,
                activation_map=options.activation_map,
                deadline=deadline,
                budget=budget,
                top_k=options.top_k,
            )
        except (ImageError, RequestError, SessionError, ModelMisbehaved, UnavailableError) as err:
            return Outcome(filename=upload.filename, error=err)
        prediction = answered.prediction
        assert prediction is not None
        if answered.prepared.notes:
            prediction = dataclasses.replace(prediction, notes=answered.prepared.notes)
        box = None
        if options.activation_map:
            spec = model.classifier.manifest.preprocessing
            box = crop_box(answered.prepared.source_wh, spec)
        return Outcome(filename=upload.filename, prediction=prediction, crop_box=box)
