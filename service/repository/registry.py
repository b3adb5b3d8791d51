"""The models in service: which version answers, how new versions come in, what state each is in.

A version is loaded beside the one in service, verified, warmed and checked against its golden images;
the swap is one assignment. Where that fails the old version stays and the reason is shown. Versions
and precisions that a request names are loaded on demand, a few at a time. Where a model's traffic is
shared, the versions that it names are in memory too.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from typing import Final

from inference import Repository
from inference.manifest import Precision
from inference.precision import AskedPrecision, any_of
from service.engine.served_model import ServedModel
from service.errors import InvalidParameter, ModelNotReady
from service.repository.bring_ups import BringUps
from service.repository.catalog import (
    EMPTY_CATALOG,
    Catalog,
    PublishedModel,
    PublishedVersion,
)
from service.repository.catalog_changes import log_changes
from service.repository.model_cache import ModelCache
from service.repository.operations import Operations
from service.repository.slots import Slot, not_ready, status_of
from service.repository.snapshot import read_catalog
from service.repository.states import State, VersionStatus
from service.repository.traffic_slots import TrafficSlots

logger = logging.getLogger(__name__)

# How long a caller waits for loads that its call set going.
_REFRESH_WAITS_S: Final = 30.0


class ModelRegistry:
    """See the module. Belongs to one event loop.

    Attributes:
        catalog: what is published, as of the last look.
    """

    def __init__(
        self,
        repository: Repository,
        *,
        model_cache: ModelCache,
        operations: Operations,
        poll_interval_s: float,
        default_model: str | None = None,
        why_never_run: Callable[[Precision], str | None] = lambda _: None,
    ) -> None:
        """Store what it works with; `why_never_run` says why no model is run in a precision here."""
        self.repository = repository
        self._why_never_run = why_never_run
        self.catalog: Catalog = EMPTY_CATALOG
        self._model_cache = model_cache
        self._traffic = TrafficSlots(model_cache)
        self._bring_ups = BringUps(
            model_cache,
            self._traffic,
            is_unloaded=self._is_unloaded,
            default_model=default_model,
        )
        self._operations = operations
        self._poll_interval_s = poll_interval_s
        self._num_retries = 0
        self._refreshing = asyncio.Lock()
        self._has_looked = asyncio.Event()
        self._settled = asyncio.Event()
        self._watcher: asyncio.Task[None] | None = None
        self._settling: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to look, to load and to watch in the background: however many versions there are."""
        self._watcher = asyncio.create_task(self._watch(), name="watch-models")

    async def close(self) -> None:
        """Give up every model, each after the requests that use it."""
        for task in (self._watcher, self._settling):
            if task is not None:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
        await self._bring_ups.close()
        await self._model_cache.close()

    @property
    def memory_bytes(self) -> int:
        """What the models in memory are taken to need."""
        return self._model_cache.memory_bytes

    async def given_up(self) -> None:
        """Return when every model that was taken out has given its memory back."""
        await self._model_cache.given_up()

    @property
    def has_looked(self) -> bool:
        """Whether the models folder has been read once."""
        return self._has_looked.is_set()

    async def first_look(self, *, timeout_s: float) -> None:
        """Return when the models folder has been read once, or after `timeout_s`."""
        if not self._has_looked.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._has_looked.wait(), timeout_s)

    @property
    def is_settled(self) -> bool:
        """Whether every model has been tried once."""
        return self._settled.is_set()

    async def settled(self) -> None:
        """Return when every model has been tried once."""
        await self._settled.wait()

    async def retry(self) -> None:
        """Look at the repository now, and try what failed again."""
        await asyncio.to_thread(self._operations.retry)
        await self.refresh()

    async def refresh(self, name: str | None = None) -> None:
        """Look at the repository now, and bring the model `name`, or each, to its default version.

        Returns when that is so, or after some seconds: what is still being loaded goes on.
        """
        begun = [task for of, task in await self._look() if name in (None, of)]
        if begun:
            await asyncio.wait(begun, timeout=_REFRESH_WAITS_S)
        self._drop_vanished()

    async def _look(self) -> list[tuple[str, "asyncio.Task[None]"]]:
        """Look at the repository now; return what that set going, by model. Waits for none of it."""
        async with self._refreshing:
            before = self.catalog
            self.catalog = await asyncio.to_thread(read_catalog, self.repository, before)
            self._has_looked.set()
            log_changes(before, self.catalog)
            await self._model_cache.note_due()
            pinned = self._follow_operations()
            begun = [(m.name, self._bring_ups.begin(m)) for m in self.catalog.models.values()]
            self._drop_vanished()
        return [*begun, *((slot.published.name, slot.load) for slot in pinned)]

    async def find(
        self,
        name: str,
        *,
        version: str | None = None,
        precision: AskedPrecision = "auto",
        traffic_key: str | None = None,
        timeout_s: float,
    ) -> ServedModel:
        """Return the model that a request means; wait up to `timeout_s` where it is still loading.

        Hold it (`ServedModel.hold`) before anything else is awaited.

        Args:
            name: the model.
            version: a number or an alias; None is the one that answers, or one by the traffic.
            precision: "auto" is the published default.
            traffic_key: chooses a version where the model's traffic is shared, equal keys the same.
            timeout_s: how long to wait at most.

        Raises:
            ModelNotFound: no such model, version or alias.
            InvalidParameter: the version has no such precision, or it is never run here.
            ModelNotReady: it is loading, failed to load, or was unloaded.
            Overloaded: too many versions are being loaded at once.
        """
        slot = self._slot_meant(name, version, precision, traffic_key)
        if slot.model is None and slot.problem is None:
            await asyncio.wait([slot.load], timeout=timeout_s)
        if slot.retired:  # replaced while it was waited for
            slot = self._slot_meant(name, version, precision, traffic_key)
        if slot.model is None:
            raise not_ready(slot.published, slot.problem, precision=slot.precision)
        slot.last_used = time.monotonic()
        return slot.model

    def shadow_of(self, name: str, answered_by: int) -> ServedModel | None:
        """Return the version that is asked too, where there is one in memory."""
        model = self.catalog.models.get(name)
        slot = self._traffic.shadow(model) if model is not None else None
        if slot is None or slot.published.number == answered_by:
            return None
        return slot.model

    def check_ready(self, name: str, version: str | None) -> None:
        """Return where a version, or the one that answers when none is named, is in memory.

        Raises:
            ModelNotFound: no such model or version.
            ModelNotReady: it is not loaded.
        """
        model, serving = self.catalog.find(name), self._serving_slot(name)
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
        if (why := self._why_unusable(published)) is not None:
            raise not_ready(published, why)
        await asyncio.to_thread(self._operations.load, (name, published.number))
        for slot in list(self._model_cache.slots_of(published)):
            if slot.problem:
                self._model_cache.retire(slot)
        slot = self._pin(published)
        await asyncio.wait([slot.load])
        if slot.model is None:
            raise not_ready(published, slot.problem)
        await self.refresh(name)

    async def unload(self, name: str, version: str | None = None) -> None:
        """Give up a version in every precision, or all versions, until it is loaded again.

        Raises:
            ModelNotFound: no such model or version.
        """
        model = self.catalog.find(name)
        chosen = list(model.versions.values()) if version is None else [model.find(version)]
        versions = [(name, published.number) for published in chosen]
        await asyncio.to_thread(self._operations.unload, *versions)
        for published in chosen:
            self._give_up(published)

    def serving_version(self, name: str) -> int | None:
        """Return the version that answers when none is asked for, or None while there is none."""
        slot = self._serving_slot(name)
        return slot.published.number if slot else None

    def served_models(self) -> Iterator[ServedModel]:
        """Yield every model in memory."""
        return (slot.model for slot in self._model_cache.slots if slot.model is not None)

    def status(self, published: PublishedVersion) -> VersionStatus:
        """Return the state of a published version."""
        model = self.catalog.models.get(published.name)
        now = model.disturbed.get(published.number, published) if model else published
        slots = list(self._model_cache.slots_of(published))
        return status_of(now, slots, unloaded=self._is_unloaded(published))

    def model_problem(self, model: PublishedModel) -> str | None:
        """Return why the default version of a model, or a newer one, is not the one that answers."""
        if model.problem:
            return model.problem
        if model.awaited is not None:
            return f"version {model.awaited} is {model.versions[model.awaited].why_unusable}"
        if model.default is None:
            return None
        problem = self.status(model.versions[model.default]).problem
        return f"version {model.default}: {problem}" if problem else None

    async def _watch(self) -> None:
        while True:
            try:
                begun = await self._look()
                self._settling = self._settling or asyncio.create_task(self._settle(begun))
            # A border: whatever one look at the disk meets, there is a next look.
            except Exception:
                logger.exception("refresh_failed")
            await asyncio.sleep(self._poll_interval_s)

    async def _settle(self, begun: list[tuple[str, "asyncio.Task[None]"]]) -> None:
        if begun:
            await asyncio.wait([task for _, task in begun])
        self._settled.set()

    def _follow_operations(self) -> list[Slot]:
        """Do what operators asked, of this worker or of another; return what they want to stay."""
        self._operations.read()
        if self._operations.num_retries != self._num_retries:
            self._num_retries = self._operations.num_retries
            self._model_cache.retire_failed()
        for published in self._published_among(self._operations.unloaded):
            self._give_up(published)
        pinned = self._published_among(self._operations.pinned)
        return [self._pin(found) for found in pinned if self._why_unusable(found) is None]

    def _published_among(self, versions: Collection[tuple[str, int]]) -> Iterator[PublishedVersion]:
        for name, number in sorted(versions):
            model = self.catalog.models.get(name)
            if model is not None and number in model.versions:
                yield model.versions[number]

    def _why_unusable(self, published: PublishedVersion) -> str | None:
        model = self.catalog.models.get(published.name)
        return model.why_unusable(published) if model else published.why_unusable

    def _is_unloaded(self, published: PublishedVersion) -> bool:
        return (published.name, published.number) in self._operations.unloaded

    def _pin(self, published: PublishedVersion) -> Slot:
        model_cache = self._model_cache
        slot = model_cache.existing(published, "auto") or model_cache.begin(published, "auto")
        slot.pinned, slot.evictable = True, False
        return slot

    def _give_up(self, published: PublishedVersion) -> None:
        for slot in list(self._model_cache.slots_of(published)):
            self._model_cache.retire(slot)

    def _serving_slot(self, name: str) -> Slot | None:
        return self._bring_ups.serving_slot(name)

    def _slot_meant(
        self, name: str, version: str | None, precision: AskedPrecision, traffic_key: str | None
    ) -> Slot:
        model = self.catalog.find(name)
        if version is None and precision == "auto" and traffic_key is not None:
            by_traffic = self._traffic.choose(model, traffic_key)
            if by_traffic is not None:
                return by_traffic
        return self._slot_for(model, version, precision)

    def _slot_for(
        self, model: PublishedModel, version: str | None, precision: AskedPrecision
    ) -> Slot:
        serving = self._serving_slot(model.name)
        if version is None and precision == "auto" and serving is not None:
            return serving
        published = self._published(model, version, serving)
        existing = self._model_cache.existing(published, precision)
        if existing is None and (why := model.why_unusable(published)) is not None:
            raise not_ready(published, why)
        if self._is_unloaded(published):
            raise ModelNotReady(
                f"version {published.number} of model {published.name!r} was unloaded; "
                "an operator can load it again"
            )
        files = published.manifest.files or {} if published.manifest else {}
        if existing is None and precision != "auto":
            self._check_precision(published, precision, files)
        return existing or self._model_cache.begin_on_demand(published, precision)

    def _check_precision(
        self, published: PublishedVersion, precision: Precision, files: Collection[Precision]
    ) -> None:
        """Refuse what the version does not have, and what nothing here can ever run, before it is loaded."""
        here = [p for p in files if self._why_never_run(p) is None]
        if precision in here:
            return
        which = f"model {published.name!r} version {published.number}"
        if precision not in files:
            raise InvalidParameter(f"precision: {which} has no {precision}; ask for {any_of(here)}")
        raise InvalidParameter(
            f"precision: {precision} cannot be run here: {self._why_never_run(precision)}; of {which} ask "
            f"for {any_of(here)}"
        )

    def _published(
        self, model: PublishedModel, version: str | None, serving: Slot | None
    ) -> PublishedVersion:
        if version is not None:
            return model.find(version)
        if serving is not None:
            return serving.published
        if model.default is None:
            raise ModelNotReady(f"model {model.name!r} is not served: {self.model_problem(model)}")
        return model.versions[model.default]

    def _drop_vanished(self) -> None:
        """Retire what is no longer on disk, unless its model still has nothing to take its place."""
        for slot in list(self._model_cache.slots):
            published = slot.published
            model = self.catalog.models.get(published.name)
            if model is not None and model.versions.get(published.number) is published:
                continue
            is_serving = self._serving_slot(published.name) is slot
            if model is not None and is_serving:
                continue
            if is_serving:
                logger.warning(
                    "model_removed name=%s version=%d reason=its folder is gone; "
                    "requests for it are answered with 404",
                    published.name,
                    published.number,
                )
            self._model_cache.retire(slot)
