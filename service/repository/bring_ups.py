"""Which version of each model answers: the default one is loaded beside it, and takes over by one assignment.

One task a model, however long those of others take.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator
from typing import Final

from service.repository.catalog import PublishedModel, PublishedVersion
from service.repository.model_cache import ModelCache
from service.repository.slots import Slot
from service.repository.traffic_slots import TrafficSlots

logger = logging.getLogger(__name__)

# How long a model without any answer waits for the trial of its newest version.
_TRIAL_WAITS_S: Final = 10.0


class BringUps:
    """See the module. Belongs to one event loop."""

    def __init__(
        self,
        model_cache: ModelCache,
        traffic: TrafficSlots,
        *,
        is_unloaded: Callable[[PublishedVersion], bool],
        default_model: str | None,
    ) -> None:
        self._model_cache = model_cache
        self._traffic = traffic
        self._is_unloaded = is_unloaded
        self._default_model = default_model
        self._serving: dict[str, Slot] = {}
        self._running: dict[str, tuple[PublishedModel, asyncio.Task[None]]] = {}

    def serving_slot(self, name: str) -> Slot | None:
        """Return the slot of the version that answers."""
        slot = self._serving.get(name)
        return None if slot is None or slot.retired else slot

    def begin(self, model: PublishedModel) -> "asyncio.Task[None]":
        """Bring a model to what it should be now. The task for how it was before is given up."""
        if model.name in self._running:
            as_before, task = self._running[model.name]
            if as_before == model:
                return task
            task.cancel()
        task = asyncio.create_task(self._bring_up(model), name=f"bring-up-{model.name}")
        self._running[model.name] = model, task
        task.add_done_callback(lambda done: self._forget(model.name, done))
        return task

    async def close(self) -> None:
        """Give all tasks up; nothing answers any more."""
        tasks = [task for _, task in self._running.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._serving.clear()

    def _forget(self, name: str, done: "asyncio.Task[None]") -> None:
        if name in self._running and self._running[name][1] is done:
            del self._running[name]
        if not done.cancelled() and (err := done.exception()) is not None:
            logger.error("bring_up_failed name=%s", name, exc_info=err)

    async def _bring_up(self, model: PublishedModel) -> None:
        """Load what the model should have in memory, its default version first."""
        for candidate in self._candidates(model):
            existing = self._model_cache.existing(candidate, "auto")
            is_first = self.serving_slot(model.name) is None
            if existing is None and is_first and not self._model_cache.has_room_for(candidate):
                break  # loaded when a request asks for it
            slot = existing or self._model_cache.begin(candidate, "auto")
            await asyncio.wait([slot.load], timeout=_TRIAL_WAITS_S if is_first else None)
            if not slot.load.done() and not slot.is_tried:
                continue  # better an older version than none; the next look comes back to this one
            await asyncio.wait([slot.load])
            if slot.model is not None and not slot.retired:
                self._swap(model, slot)
                break
        named = self._traffic.named(model)
        await self._traffic.bring_up(
            model,
            [p for p in named if not self._is_unloaded(p) and model.why_unusable(p) is None],
            serving=self.serving_slot(model.name),
        )

    def _candidates(self, model: PublishedModel) -> Iterator[PublishedVersion]:
        """Yield the versions to try: the default and, where nothing answers yet, those before it."""
        current = self.serving_slot(model.name)
        if model.default is None:
            return
        wanted = model.versions[model.default]
        if self._is_unloaded(wanted) or (current is not None and current.published is wanted):
            return
        before = sorted((n for n in model.versions if n < model.default), reverse=True)
        for number in (model.default, *(before if current is None else ())):
            published = model.versions[number]
            if not self._is_unloaded(published) and model.why_unusable(published) is None:
                yield published

    def _swap(self, model: PublishedModel, slot: Slot) -> None:
        self._serving[model.name] = slot
        slot.evictable, slot.kept = False, model.name == self._default_model
        logger.info("model_serving name=%s version=%d", model.name, slot.published.number)
        default = model.versions.get(model.default or 0)
        # What answered before, and what was begun for a version that is not wanted any more.
        for other in [s for s in self._model_cache.slots if s.published.name == model.name]:
            stays = other.is_wanted or other.problem or other.published is default
            if other is not slot and not stays:
                self._model_cache.retire(other)
