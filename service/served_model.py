"""A loaded model in service: a classifier, its batcher, its threads, and who is using it."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from inference import BatchOutputs
from service.batching import Batched, BatchLimits, MicroBatcher
from service.loading import LoadedModel

# Called after each run of a model with its name, its version, its number of images and its seconds.
BatchObserver = Callable[[str, int, int, float], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelInput:
    """One image for the model: (H, W, 3) uint8 RGB, and whether its activation map is wanted."""

    pixels: npt.NDArray[np.uint8]
    activation_map: bool


class ServedModel:
    """See the module. Make and use it in the event loop.

    Whoever uses it holds it (`hold`), so that a model that was replaced answers the requests that
    already chose it before it is given up.
    """

    def __init__(
        self, loaded: LoadedModel, *, max_wait_s: float, max_queue: int, observe: BatchObserver
    ) -> None:
        self.classifier = loaded.classifier
        self.tuning = loaded.tuning
        self._observe = observe
        self._batcher: MicroBatcher[ModelInput, BatchOutputs] = MicroBatcher(
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

    @contextmanager
    def hold(self) -> Iterator["ServedModel"]:
        """Keep the model in service while the context is open."""
        self._num_users += 1
        self._unused.clear()
        try:
            yield self
        finally:
            self._num_users -= 1
            if self._num_users == 0:
                self._unused.set()

    def expecting(self) -> AbstractContextManager[None]:
        """Tell the batcher that an image is being decoded; see `MicroBatcher.expecting`."""
        return self._batcher.expecting()

    async def run(
        self, pixels: npt.NDArray[np.uint8], *, activation_map: bool, deadline: float
    ) -> Batched[BatchOutputs]:
        """Run one image, (H, W, 3) uint8 RGB, in a batch; the outputs have one row.

        Raises:
            Overloaded, DeadlineExceeded, ModelMisbehaved, ShuttingDown: as `MicroBatcher.submit`.
            SessionError: the model failed on this image.
        """
        item = ModelInput(pixels=pixels, activation_map=activation_map)
        return await self._batcher.submit(item, deadline=deadline)

    async def retire(self, *, grace_s: float) -> None:
        """Answer those who hold the model, then give its memory back."""
        try:
            async with asyncio.timeout(grace_s):
                await self._unused.wait()
        except TimeoutError:
            pass  # closing the batcher answers who is left
        await self._batcher.close(grace_s=grace_s)
        self._threads.shutdown(wait=False)

    async def _run_batch(self, items: list[ModelInput]) -> list[BatchOutputs]:
        loop = asyncio.get_running_loop()
        started = loop.time()
        rows = await loop.run_in_executor(self._threads, self._run_rows, items)
        self._observe(self.name, self.version, len(items), loop.time() - started)
        return rows

    def _run_rows(self, items: list[ModelInput]) -> list[BatchOutputs]:
        wants_map = any(item.activation_map for item in items)
        outputs = self.classifier.run([item.pixels for item in items], activation_map=wants_map)
        return [outputs.rows(index, index + 1) for index in range(len(outputs))]
