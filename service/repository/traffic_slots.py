"""The versions that share a model's requests: kept in memory, chosen by a request's key."""

import asyncio
from contextlib import suppress

from inference import ModelNotFound
from service.repository.catalog import PublishedModel, PublishedVersion
from service.repository.model_cache import ModelCache
from service.repository.slots import Slot


class TrafficSlots:
    """See the module."""

    def __init__(self, model_cache: ModelCache) -> None:
        self._model_cache = model_cache

    async def bring_up(
        self, model: PublishedModel, wanted: list[PublishedVersion], *, serving: Slot | None
    ) -> None:
        """Load the versions that the traffic of `model` names and that may be loaded; give others up."""
        cache = self._model_cache
        for published in wanted:
            slot = cache.existing(published, "auto") or cache.begin(published, "auto")
            slot.in_traffic, slot.evictable = True, False
            await asyncio.wait([slot.load])
        named = self.named(model)
        for slot in [s for s in cache.slots if s.in_traffic]:
            if slot.published.name == model.name and slot.published not in named:
                slot.in_traffic = False
                if not slot.pinned and slot is not serving:
                    cache.retire(slot)

    @staticmethod
    def named(model: PublishedModel) -> list[PublishedVersion]:
        """Return the versions that a model's traffic names, as far as they are there."""
        named = []
        for version in () if model.traffic is None else model.traffic.versions():
            with suppress(ModelNotFound):
                named.append(model.find(version))
        return named

    def choose(self, model: PublishedModel, key: str) -> Slot | None:
        """Return the slot that a key falls on; None where that is not in memory, or nothing is shared."""
        version = model.traffic.choose(key) if model.traffic is not None else None
        return self.loaded(model, version) if version is not None else None

    def shadow(self, model: PublishedModel) -> Slot | None:
        """Return the slot of the version that is asked too; None where that is not in memory."""
        if model.traffic is None or model.traffic.shadow is None:
            return None
        return self.loaded(model, model.traffic.shadow)

    def loaded(self, model: PublishedModel, version: str) -> Slot | None:
        """Return the slot of a version by number or alias, where that is in memory."""
        try:
            slot = self._model_cache.existing(model.find(version), "auto")
        except ModelNotFound:
            return None
        return slot if slot is not None and slot.model is not None else None
