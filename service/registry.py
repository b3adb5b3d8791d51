"""The loaded models: which version answers, how new versions come in, and what state each is in.

A version is loaded beside the one in service, verified, warmed and checked against its golden images;
the swap is one assignment. Where that fails the old version stays and the reason is shown. Versions
and precisions that a request names are loaded on demand, a few at a time.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress

from inference import InferenceError, Package, Repository
from service.catalog import EMPTY_CATALOG, Catalog, PublishedModel, PublishedVersion, read_catalog
from service.errors import InvalidParameter, ModelNotReady, Overloaded
from service.loading import AskedPrecision, LoadedModel
from service.served_model import ServedModel
from service.slots import Slot, not_ready, status_of
from service.states import State, VersionStatus

logger = logging.getLogger(__name__)


class ModelRegistry:
    """See the module. Belongs to one event loop.

    Attributes:
        catalog: what is published, as of the last look.
    """

    def __init__(
        self,
        repository: Repository,
        *,
        load: Callable[[Package, AskedPrecision], LoadedModel],
        serve: Callable[[LoadedModel], ServedModel],
        poll_interval_s: float,
        max_on_demand: int,
        grace_s: float,
    ) -> None:
        self.repository = repository
        self.catalog: Catalog = EMPTY_CATALOG
        self._load_blocking = load
        self._serve = serve
        self._poll_interval_s = poll_interval_s
        self._max_on_demand = max_on_demand
        self._grace_s = grace_s
        self._slots: list[Slot] = []
        self._serving: dict[str, Slot] = {}
        self._unloaded: set[tuple[str, int]] = set()
        self._refreshing = asyncio.Lock()
        self._settled = asyncio.Event()
        # One thread: loading is memory-hungry, and ONNX Runtime holds the GIL for part of it.
        self._loader = ThreadPoolExecutor(1, thread_name_prefix="load")
        self._retiring: set[asyncio.Task[None]] = set()
        self._watcher: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Look at the repository, and begin to load and to watch in the background."""
        self.catalog = await asyncio.to_thread(read_catalog, self.repository)
        self._watcher = asyncio.create_task(self._watch(), name="watch-models")

    async def close(self) -> None:
        """Give up every model, each after the requests that use it."""
        if self._watcher is not None:
            self._watcher.cancel()
            with suppress(asyncio.CancelledError):
                await self._watcher
        for slot in list(self._slots):
            slot.load.cancel()
            self._retire(slot)
        self._serving.clear()
        if self._retiring:
            await asyncio.wait(self._retiring)
        self._loader.shutdown(wait=False, cancel_futures=True)

    @property
    def is_settled(self) -> bool:
        """Whether every model has been tried once."""
        return self._settled.is_set()

    async def settled(self) -> None:
        """Return when every model has been tried once."""
        await self._settled.wait()

    async def refresh(self, *, retry_failed: bool = False) -> None:
        """Look at the repository now, and bring every model to its default version."""
        async with self._refreshing:
            self.catalog = await asyncio.to_thread(read_catalog, self.repository, self.catalog)
            if retry_failed:
                for slot in [slot for slot in self._slots if slot.problem]:
                    self._retire(slot)
            async with asyncio.TaskGroup() as group:
                for model in self.catalog.models.values():
                    group.create_task(self._bring_up(model))
            self._drop_vanished()
        self._settled.set()

    @asynccontextmanager
    async def use(
        self,
        name: str,
        *,
        version: str | None = None,
        precision: AskedPrecision = "auto",
        timeout_s: float,
    ) -> AsyncIterator[ServedModel]:
        """Hold the model that a request means; wait up to `timeout_s` where it is still loading.

        Raises:
            ModelNotFound: no such model, version or alias.
            InvalidParameter: the version has no such precision.
            ModelNotReady: it is loading, failed to load, or was unloaded.
            Overloaded: too many versions are being loaded at once.
        """
        slot = self._slot_for(self.catalog.find(name), version, precision)
        if slot.model is None and slot.problem is None:
            await asyncio.wait([slot.load], timeout=timeout_s)
        if slot.model is None:
            raise not_ready(slot.published, slot.problem)
        slot.last_used = time.monotonic()
        with slot.model.hold() as model:
            yield model

    def check_ready(self, name: str, version: str | None) -> None:
        """Return where a version, or the one that answers when none is named, is in memory.

        Raises:
            ModelNotFound: no such model or version.
            ModelNotReady: it is not loaded.
        """
        model, serving = self.catalog.find(name), self._serving.get(name)
        if version is None and serving is not None:
            return
        published = self._published(model, version, serving)
        status = self.status(published)
        if status.state is not State.READY:
            why = status.problem or status.state
            raise ModelNotReady(f"model {name!r} version {published.number} is not ready: {why}")

    async def load(self, name: str, version: str | None = None) -> None:
        """Load a version, by default the model's default one, and keep it loaded.

        One that failed before is tried again.

        Raises:
            ModelNotFound: no such model or version.
            ModelNotReady: it cannot be loaded.
        """
        published = self._published(self.catalog.find(name), version, None)
        self._unloaded.discard((name, published.number))
        for slot in self._slots_of(published):
            if slot.problem:
                self._retire(slot)
        slot = self._existing(published, "auto") or self._begin(published, "auto")
        slot.pinned, slot.evictable = True, False
        await asyncio.wait([slot.load])
        if slot.model is None:
            raise not_ready(published, slot.problem)
        await self.refresh()

    def unload(self, name: str, version: str | None = None) -> None:
        """Give up a version in every precision, or all versions, until it is loaded again.

        Raises:
            ModelNotFound: no such model or version.
        """
        model = self.catalog.find(name)
        chosen = model.versions.values() if version is None else [model.find(version)]
        for published in chosen:
            self._unload(published)

    def _unload(self, published: PublishedVersion) -> None:
        name = published.name
        self._unloaded.add((name, published.number))
        for slot in list(self._slots_of(published)):
            self._retire(slot)
            if self._serving.get(name) is slot:
                del self._serving[name]

    def serving_version(self, name: str) -> int | None:
        """Return the version that answers when none is asked for, or None while there is none."""
        slot = self._serving.get(name)
        return slot.published.number if slot else None

    def served_models(self) -> Iterator[ServedModel]:
        """Yield every model in memory."""
        return (slot.model for slot in self._slots if slot.model is not None)

    def status(self, published: PublishedVersion) -> VersionStatus:
        """Return the state of a published version."""
        unloaded = (published.name, published.number) in self._unloaded
        return status_of(published, list(self._slots_of(published)), unloaded=unloaded)

    def model_problem(self, model: PublishedModel) -> str | None:
        """Return why the default version of a model is not the one that answers, if so."""
        if model.problem or model.default is None:
            return model.problem
        problem = self.status(model.versions[model.default]).problem
        return f"version {model.default}: {problem}" if problem else None

    async def _watch(self) -> None:
        while True:
            try:
                await self.refresh()
            # A border: whatever one look at the disk meets, there is a next look.
            except Exception:
                logger.exception("refresh_failed")
            await asyncio.sleep(self._poll_interval_s)

    async def _bring_up(self, model: PublishedModel) -> None:
        for candidate in self._candidates(model):
            slot = self._existing(candidate, "auto") or self._begin(candidate, "auto")
            await asyncio.wait([slot.load])
            if slot.model is not None:
                self._swap(model.name, slot)
                return

    def _candidates(self, model: PublishedModel) -> Iterator[PublishedVersion]:
        """Yield the versions to try: the default and, where nothing answers yet, those before it."""
        current = self._serving.get(model.name)
        if model.default is None or (model.name, model.default) in self._unloaded:
            return
        wanted = model.versions[model.default]
        if current is not None and current.published is wanted:
            return
        yield wanted
        if current is None:
            for number in sorted(model.versions, reverse=True):
                if number < model.default and (model.name, number) not in self._unloaded:
                    yield model.versions[number]

    def _swap(self, name: str, slot: Slot) -> None:
        replaced = self._serving.get(name)
        self._serving[name] = slot
        slot.evictable = False
        logger.info("model_serving name=%s version=%d", name, slot.published.number)
        if replaced is not None and replaced is not slot and not replaced.pinned:
            self._retire(replaced)

    def _slot_for(
        self, model: PublishedModel, version: str | None, precision: AskedPrecision
    ) -> Slot:
        serving = self._serving.get(model.name)
        if version is None and precision == "auto" and serving is not None:
            return serving
        published = self._published(model, version, serving)
        if published.package is None:
            raise not_ready(published, published.problem)
        if (published.name, published.number) in self._unloaded:
            raise ModelNotReady(
                f"version {published.number} of model {published.name!r} was unloaded; "
                "an operator can load it again"
            )
        files = published.package.manifest.files or {}
        if precision != "auto" and precision not in files:
            raise InvalidParameter(
                f"model {published.name!r} version {published.number} has no precision "
                f"{precision!r}; it has {', '.join(files)}"
            )
        return self._existing(published, precision) or self._begin_on_demand(published, precision)

    def _published(
        self, model: PublishedModel, version: str | None, serving: Slot | None
    ) -> PublishedVersion:
        if version is not None:
            return model.find(version)
        if serving is not None:
            return serving.published
        if model.default is None:
            raise ModelNotReady(f"model {model.name!r} is not served: {model.problem}")
        return model.versions[model.default]

    def _slots_of(self, published: PublishedVersion) -> Iterator[Slot]:
        return (slot for slot in self._slots if slot.published is published)

    def _existing(self, published: PublishedVersion, precision: AskedPrecision) -> Slot | None:
        for slot in self._slots_of(published):
            got = slot.model.classifier.precision if slot.model else slot.precision
            if precision in (slot.precision, got):
                return slot
        return None

    def _begin_on_demand(self, published: PublishedVersion, precision: AskedPrecision) -> Slot:
        evictable = [slot for slot in self._slots if slot.evictable and not slot.problem]
        if len(evictable) >= self._max_on_demand:
            idle = [slot for slot in evictable if slot.model is not None]
            if not idle:
                raise Overloaded("too many versions are being loaded; send the request again")
            self._retire(min(idle, key=lambda slot: slot.last_used))
        slot = self._begin(published, precision)
        slot.evictable = True
        return slot

    def _begin(self, published: PublishedVersion, precision: AskedPrecision) -> Slot:
        slot = Slot(published=published, precision=precision)
        self._slots.append(slot)
        slot.load = asyncio.create_task(self._load(slot), name=f"load-{published.name}")
        return slot

    async def _load(self, slot: Slot) -> None:
        published = slot.published
        where = f"name={published.name} version={published.number} precision={slot.precision}"
        try:
            loaded, load_s = await self._load_in_thread(slot)
        except InferenceError as err:
            slot.problem = str(err)
            logger.warning("model_failed %s reason=%s", where, err)
            return
        # A border: what a package does to a library must not stop the other models.
        except Exception:
            slot.problem = "an unexpected error; the service's log has it"
            logger.exception("model_failed %s", where)
            return
        if slot.retired:
            return
        slot.model = self._serve(loaded)
        slot.model.start()
        logger.info(
            "model_loaded %s provider=%s threads=%d running=%d max_batch=%d load_ms=%.0f",
            where,
            loaded.classifier.session.provider,
            loaded.tuning.intra_op_threads,
            loaded.tuning.max_running,
            loaded.tuning.max_batch,
            load_s * 1e3,
        )

    async def _load_in_thread(self, slot: Slot) -> tuple[LoadedModel, float]:
        """Return the model and how many seconds it took, waiting for the thread not counted."""
        package = slot.published.package
        if package is None:
            raise InferenceError(slot.published.problem)

        def load() -> tuple[LoadedModel, float]:
            started = time.monotonic()
            loaded = self._load_blocking(package, slot.precision)
            return loaded, time.monotonic() - started

        return await asyncio.get_running_loop().run_in_executor(self._loader, load)

    def _retire(self, slot: Slot) -> None:
        """Take a slot out; its model goes when its last user has left."""
        self._slots.remove(slot)
        slot.retired = True
        if slot.model is not None:
            task = asyncio.create_task(
                slot.model.retire(grace_s=self._grace_s), name="retire-model"
            )
            self._retiring.add(task)
            task.add_done_callback(self._retiring.discard)

    def _drop_vanished(self) -> None:
        """Retire what is no longer on disk, unless its model still has nothing to take its place."""
        for slot in list(self._slots):
            published = slot.published
            model = self.catalog.models.get(published.name)
            if model is not None and model.versions.get(published.number) is published:
                continue
            if self._serving.get(published.name) is slot:
                if model is not None:
                    continue
                del self._serving[published.name]
            self._retire(slot)
