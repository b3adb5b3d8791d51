"""A loaded model in service: a classifier, its batcher, its threads, and who is using it."""

import asyncio
import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from inference import BatchOutputs, Classifier, ImageError, Prediction, PreparedImage
from service.engine.batching import BatchLimits, MicroBatcher
from service.engine.tuning import LoadedModel
from service.errors import RequestError

_LOADS: Final = itertools.count(1)

# Gives one image's pixels. Called once, mostly in a thread of the model; see `Tuning.decode_in_batch`.
Prepare = Callable[[], PreparedImage]
# Called after each run of a model with its name, its version, its number of images and its seconds.
BatchObserver = Callable[[str, int, int, float], None]


@dataclass(slots=True, kw_only=True)
class Answered:
    """One image with its outputs, of one row, and how long each took.

    `infer_s` is the time of its whole batch on the model. `prediction` is there where labels were asked
    for.
    """

    prepared: PreparedImage
    outputs: BatchOutputs
    prediction: Prediction | None
    prepare_s: float
    infer_s: float
    queue_s: float = 0.0


@dataclass(slots=True, kw_only=True)
class _Input:
    prepare: Prepare
    activation_map: bool
    top_k: int | None


@dataclass(frozen=True, slots=True)
class _Prepared:
    image: PreparedImage
    seconds: float


# What stands in the place of an image that cannot be decoded; its neighbours are answered.
_Unreadable = ImageError | RequestError


class ServedModel:
    """See the module. Make and use it in the event loop.

    Whoever uses it holds it (`hold`), so that a model that was replaced answers the requests that
    already chose it before it is given up.

    Attributes:
        load_id: no other load has it, be it of the same version.
    """

    def __init__(
        self,
        loaded: LoadedModel,
        *,
        max_wait_s: float,
        max_queue: int,
        observe: BatchObserver,
        run_limit_s: float | None = None,
        note_retired: Callable[[int], None] | None = None,
    ) -> None:
        """Store what it works with.

        Args:
            loaded: the model.
            max_wait_s, max_queue: see `BatchLimits`.
            observe: gets each run.
            run_limit_s: a run that takes longer is ended.
            note_retired: gets the `load_id` when the model has been given up.
        """
        self.load_id: Final = next(_LOADS)
        self._note_retired = note_retired
        self.classifier = loaded.classifier
        self.tuning = loaded.tuning
        self._for_lone_image = loaded.for_lone_image or loaded.classifier
        self._observe = observe
        self._run_limit_s = run_limit_s
        self._num_running = 0
        self._batcher: MicroBatcher[_Input, Answered | _Unreadable] = MicroBatcher(
            self._run_batch,
            limits=BatchLimits(
                max_batch=loaded.tuning.max_batch,
                max_wait_s=max_wait_s,
                max_queue=max_queue,
                max_running=loaded.tuning.max_running,
            ),
        )
        self._threads = ThreadPoolExecutor(
            loaded.tuning.max_running, thread_name_prefix=f"model-{self.name}"
        )
        self._num_users = 0
        self._unused = asyncio.Event()
        self._unused.set()

    @property
    def name(self) -> str:
        """The model's name."""
        return self.classifier.manifest.name

    @property
    def version(self) -> int:
        """The model's version."""
        return self.classifier.manifest.version

    @cached_property
    def how_run(self) -> Mapping[str, Any]:
        """What answers: model, version, precision and runtime, for headers and the log."""
        return {
            "model": self.name,
            "version": self.version,
            "precision": self.classifier.precision,
            "runtime": self.classifier.session.runtime,
        }

    @property
    def is_used(self) -> bool:
        """Whether anybody holds it."""
        return self._num_users > 0

    @property
    def num_waiting(self) -> int:
        """Images in the batcher's queue."""
        return self._batcher.num_waiting

    def start(self) -> None:
        """Begin to answer."""
        self._batcher.start()

    def hold(self) -> "_Hold":
        """Keep the model in service while the returned context is open."""
        return _Hold(self)

    def begin_use(self) -> None:
        """See `hold`."""
        self._num_users += 1
        self._unused.clear()

    def end_use(self) -> None:
        """See `hold`."""
        self._num_users -= 1
        if self._num_users == 0:
            self._unused.set()

    def expecting(self) -> AbstractContextManager[None]:
        """Tell the batcher that an image is being decoded elsewhere; see `MicroBatcher.expecting`."""
        return self._batcher.expecting()

    async def run(
        self,
        prepare: Prepare,
        *,
        activation_map: bool,
        deadline: float,
        top_k: int | None = None,
    ) -> Answered:
        """Answer one image in a batch; with `top_k` labels, where it is given.

        Raises:
            ImageError, RequestError: what `prepare` raised.
            Overloaded, DeadlineExceeded, ModelMisbehaved, ShuttingDown: as `MicroBatcher.submit`.
            SessionError: the model failed on this image.
        """
        item = _Input(prepare=prepare, activation_map=activation_map, top_k=top_k)
        batched = await self._batcher.submit(item, deadline=deadline)
        if not isinstance(batched.value, Answered):
            raise batched.value
        batched.value.queue_s = batched.queue_s
        return batched.value

    async def retire(self, *, grace_s: float) -> None:
        """Answer those who hold the model, then give its memory back."""
        try:
            async with asyncio.timeout(grace_s):
                await self._unused.wait()
        except TimeoutError:
            pass  # closing the batcher answers who is left
        await self._batcher.close(grace_s=grace_s)
        self._threads.shutdown(wait=False)
        if self._note_retired is not None:
            self._note_retired(self.load_id)

    async def _run_batch(self, items: list[_Input]) -> list[Answered | _Unreadable]:
        self._num_running += 1
        is_alone = len(items) == 1 and self._num_running == 1 and self.num_waiting == 0
        classifier = self._for_lone_image if is_alone else self.classifier
        loop = asyncio.get_running_loop()
        try:
            results = await loop.run_in_executor(
                self._threads, _answer, classifier, items, self._run_limit_s
            )
        finally:
            self._num_running -= 1
        answered = [result for result in results if isinstance(result, Answered)]
        if answered:
            self._observe(self.name, self.version, len(answered), answered[0].infer_s)
        return results


class _Hold:
    """A class of its own, for a generator's context costs several times as much."""

    __slots__ = ("_model",)

    def __init__(self, model: ServedModel) -> None:
        self._model = model

    def __enter__(self) -> ServedModel:
        self._model.begin_use()
        return self._model

    def __exit__(self, *raised: object) -> None:
        self._model.end_use()


def _answer(
    classifier: Classifier, items: Sequence[_Input], limit_s: float | None
) -> list[Answered | _Unreadable]:
    prepared = [_prepare(item) for item in items]
    readable = [
        (item, image)
        for item, image in zip(items, prepared, strict=True)
        if isinstance(image, _Prepared)
    ]
    if not readable:
        return [image for image in prepared if not isinstance(image, _Prepared)]
    wants_map = any(item.activation_map for item in items)
    started = time.perf_counter()
    pixels = [image.image.pixels for _, image in readable]
    outputs = classifier.run(pixels, activation_map=wants_map, limit_s=limit_s)
    infer_s = time.perf_counter() - started
    predictions = _predictions(classifier, outputs, [item.top_k for item, _ in readable])
    answers = (
        Answered(
            prepared=image.image,
            outputs=outputs.rows(index, index + 1),
            prediction=predictions[index],
            prepare_s=image.seconds,
            infer_s=infer_s,
        )
        for index, (_, image) in enumerate(readable)
    )
    return [next(answers) if isinstance(image, _Prepared) else image for image in prepared]


def _predictions(
    classifier: Classifier, outputs: BatchOutputs, top_ks: Sequence[int | None]
) -> Sequence[Prediction | None]:
    """Interpret the outputs of a batch: at once, where all of it wants as many labels."""
    first = top_ks[0]
    if top_ks.count(first) == len(top_ks):
        return [None] * len(top_ks) if first is None else classifier.interpret(outputs, top_k=first)
    return [
        None if top_k is None else classifier.interpret(outputs.rows(i, i + 1), top_k=top_k)[0]
        for i, top_k in enumerate(top_ks)
    ]


def _prepare(item: _Input) -> _Prepared | _Unreadable:
    started = time.perf_counter()
    try:
        image = item.prepare()
    except (ImageError, RequestError) as err:
        return err
    return _Prepared(image, time.perf_counter() - started)
