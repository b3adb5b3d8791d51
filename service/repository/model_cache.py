"""The models in memory: taken in, found again, and given up when others need the room.

Two bounds: how many versions may be there only because a request named them, and how much memory
all models may take. Where one is reached, the model that was used least recently goes, if nobody
uses it.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

from inference import InferenceError, Package, TrialFailed
from inference.precision import AskedPrecision
from service.engine.served_model import ServedModel
from service.engine.tuning import LoadedModel
from service.errors import Overloaded
from service.repository.catalog import PublishedVersion
from service.repository.failed_loads import FailedLoads, files_stamp
from service.repository.process_memory import give_back_freed_memory, resident_bytes
from service.repository.slots import Slot
from service.repository.trial_queue import TrialQueue

logger = logging.getLogger(__name__)


class ModelCache:
    """See the module. Belongs to one event loop.

    Attributes:
        slots: every model that is in memory, is being loaded, or failed to load.
    """

    def __init__(
        self,
        *,
        trials: TrialQueue,
        load: Callable[[Package, AskedPrecision], LoadedModel],
        serve: Callable[[LoadedModel], ServedModel],
        max_on_demand: int,
        max_memory_bytes: int,
        grace_s: float,
    ) -> None:
        """Store the bounds; `max_memory_bytes` 0 is no bound."""
        self.slots: list[Slot] = []
        self._trials = trials
        self._load_blocking = load
        self._serve = serve
        self._max_on_demand = max_on_demand
        self._max_memory_bytes = max_memory_bytes
        self._grace_s = grace_s
        # One thread: loading is memory-hungry, and ONNX Runtime holds the GIL for part of it.
        self._loader = ThreadPoolExecutor(1, thread_name_prefix="load")
        self._retiring: set[asyncio.Task[None]] = set()
        self._failed = FailedLoads()

    async def close(self) -> None:
        """Give up every model, each after the requests that use it."""
        self._trials.close()
        for slot in list(self.slots):
            slot.load.cancel()
            self.retire(slot)
        await self.given_up()
        self._loader.shutdown(wait=False, cancel_futures=True)

    async def given_up(self) -> None:
        """Return when every retired model has given its memory back."""
        if self._retiring:
            await asyncio.wait(self._retiring)

    @property
    def memory_bytes(self) -> int:
        """What the models in memory are taken to need."""
        return sum(slot.memory_bytes for slot in self.slots if slot.model is not None)

    def slots_of(self, published: PublishedVersion) -> Iterator[Slot]:
        """Yield the slots of a version."""
        return (slot for slot in self.slots if slot.published is published)

    def existing(self, published: PublishedVersion, precision: AskedPrecision) -> Slot | None:
        """Return the slot that has, or will have, a version in a precision.

        One that failed counts until it is time to try again.
        """
        for slot in self.slots_of(published):
            got = slot.model.classifier.precision if slot.model else slot.precision
            if precision in (slot.precision, got) and not slot.is_due:
                return slot
        return None

    def has_room_for(self, published: PublishedVersion) -> bool:
        """Return whether a version can be loaded without another having to go."""
        if not self._max_memory_bytes or self.memory_bytes == 0:
            return True
        return self.memory_bytes + file_bytes(published) <= self._max_memory_bytes

    def begin(self, published: PublishedVersion, precision: AskedPrecision) -> Slot:
        """Begin to load a version; await `load` of what is returned."""
        slot = Slot(published=published, precision=precision)
        for failed in [s for s in self.slots if s.problem and s.key == slot.key]:
            self.retire(failed)
        self.slots.append(slot)
        slot.load = asyncio.create_task(self._load(slot), name=f"load-{published.name}")
        return slot

    def begin_on_demand(self, published: PublishedVersion, precision: AskedPrecision) -> Slot:
        """Begin to load a version that a request named.

        Raises:
            Overloaded: as many as may be are being loaded.
        """
        evictable = [slot for slot in self.slots if slot.evictable and not slot.problem]
        if len(evictable) >= self._max_on_demand:
            idle = [slot for slot in evictable if slot.model is not None]
            if not idle:
                raise Overloaded("too many versions are being loaded; send the request again")
            self.retire(min(idle, key=lambda slot: slot.last_used))
        slot = self.begin(published, precision)
        slot.evictable = True
        logger.info(
            "model_loading name=%s version=%d precision=%s reason=a request asks for it and waits",
            published.name,
            published.number,
            precision,
        )
        return slot

    def retire(self, slot: Slot) -> None:
        """Take a slot out; its model goes when its last user has left."""
        self.slots.remove(slot)
        slot.retired = True
        if slot.model is not None:
            task = asyncio.create_task(self._give_up(slot.model), name="retire-model")
            slot.model = None  # a slot may be remembered for longer than its memory is wanted
            self._retiring.add(task)
            task.add_done_callback(self._retiring.discard)

    def retire_failed(self) -> None:
        """Make way for another try at what failed, whatever the pauses."""
        for slot in [slot for slot in self.slots if slot.problem]:
            self.retire(slot)

    async def note_due(self) -> None:
        """Note which of the failed loads are to be tried again: their pause is over, or a file changed."""
        for slot in [slot for slot in self.slots if slot.problem]:
            package = slot.published.package
            files = await asyncio.to_thread(files_stamp, package.path) if package else None
            slot.is_due = self._failed.is_due(slot.key, files)

    async def _give_up(self, model: ServedModel) -> None:
        await model.retire(grace_s=self._grace_s)
        del model
        await asyncio.to_thread(give_back_freed_memory)

    def _make_room(self, wanted: Slot) -> None:
        """Retire what was used least recently until `wanted` fits, as far as that can be."""
        if not self._max_memory_bytes:
            return
        needed = wanted.memory_bytes or file_bytes(wanted.published)
        idle = [s for s in self.slots if s is not wanted and s.model and s.may_be_evicted]
        for slot in sorted(idle, key=lambda slot: slot.last_used):
            others = self.memory_bytes - (wanted.memory_bytes if wanted.model else 0)
            if others + needed <= self._max_memory_bytes:
                return
            logger.info(
                "model_evicted name=%s version=%d", slot.published.name, slot.published.number
            )
            self.retire(slot)

    async def _load(self, slot: Slot) -> None:
        published = slot.published
        where = f"name={published.name} version={published.number} precision={slot.precision}"
        if await self._is_there(slot):
            self.retire(slot)
            return
        try:
            await self._try(slot)
            # Not before: what a manifest claims, and what cannot be loaded, takes nobody's place.
            self._make_room(slot)
            async with self._trials.paused():
                loaded, load_s = await self._load_in_thread(slot)
        except InferenceError as err:
            slot.problem = str(err)
            lasting = isinstance(err, TrialFailed)
            retry_s = self._failed.note(slot.key, slot.files, lasting=lasting)
            logger.warning("model_failed %s retry_s=%.0f reason=%s", where, retry_s, slot.problem)
            return
        # A border: what a package does to a library must not stop the other models.
        except Exception:
            slot.problem = "an unexpected error; the service's log has it"
            retry_s = self._failed.note(slot.key, slot.files)
            logger.exception("model_failed %s retry_s=%.0f", where, retry_s)
            return
        self._failed.forget(slot.key)
        if slot.retired:
            return
        slot.model = self._serve(loaded)
        slot.model.start()
        self._make_room(slot)
        _log_loaded(slot, loaded, load_s)

    async def _is_there(self, wanted: Slot) -> bool:
        """Return whether a version's default file, which may still be loading, is the one named."""
        if wanted.precision == "auto":
            return False
        for slot in [s for s in self.slots_of(wanted.published) if s.precision == "auto"]:
            await asyncio.wait([slot.load])
            if slot.model is not None and slot.model.classifier.precision == wanted.precision:
                return not wanted.retired
        return False

    async def _try(self, slot: Slot) -> None:
        package = slot.published.package
        if package is None:
            raise InferenceError(slot.published.problem)
        slot.files = await asyncio.to_thread(files_stamp, package.path)
        await self._trials.run(package, slot.precision)
        slot.is_tried = True

    async def _load_in_thread(self, slot: Slot) -> tuple[LoadedModel, float]:
        """Return the model and how many seconds it took, waiting for the thread not counted."""
        package = slot.published.package
        assert package is not None

        def load() -> tuple[LoadedModel, float]:
            started, before = time.monotonic(), resident_bytes()
            loaded = self._load_blocking(package, slot.precision)
            slot.memory_bytes = max(file_bytes(slot.published), _growth(before))
            return loaded, time.monotonic() - started

        return await asyncio.get_running_loop().run_in_executor(self._loader, load)


def _log_loaded(slot: Slot, loaded: LoadedModel, load_s: float) -> None:
    classifier, tuning = loaded.classifier, loaded.tuning
    logger.info(
        "model_loaded name=%s version=%d precision=%s asked=%s runtime=%s provider=%s threads=%d running=%d "
        "max_batch=%d load_ms=%.0f precision_reason=%s",
        slot.published.name,
        slot.published.number,
        classifier.precision,
        slot.precision,
        classifier.session.runtime,
        classifier.session.provider,
        tuning.intra_op_threads,
        tuning.max_running,
        tuning.max_batch,
        load_s * 1e3,
        classifier.precision_reason,
    )


def file_bytes(published: PublishedVersion) -> int:
    """Return the size of a version's model file: the least that it takes in memory."""
    manifest = published.manifest
    files = (manifest.files or {}) if manifest else {}
    return files["fp32"].bytes if "fp32" in files else 0


def _growth(before: int | None) -> int:
    after = resident_bytes()
    return after - before if before is not None and after is not None else 0
