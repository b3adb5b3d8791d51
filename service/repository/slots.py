"""One version at one precision, from the beginning of its load to its retirement."""

import asyncio
import time
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Final

from inference.precision import AskedPrecision
from service.engine.served_model import ServedModel
from service.errors import ModelNotReady
from service.repository.catalog import PublishedVersion
from service.repository.states import LoadedVariant, State, VersionStatus

_LOADING_RETRY_S: Final = 2


@dataclass(slots=True, kw_only=True, eq=False)
class Slot:
    """The place of a model in memory. It is loading until it has a `model` or a `problem`.

    Attributes:
        evictable: loaded because a request named it; may make room for another.
        pinned: loaded by an operator; stays when another version takes over.
        kept: must not make room for others, such as the model that readiness depends on.
        in_traffic: the model's traffic names it.
        files: changes with any file of the package; as of the beginning of the load.
        is_tried: its package may be loaded; until then it waits for its trial.
        memory_bytes: what it is taken to need, once it is loaded.
        retired: taken out; what is still being loaded for it is thrown away.
        last_used: a time of the monotonic clock.
        is_due: it failed, and is to be tried again when it is wanted.
        load: ends when the load has.
    """

    published: PublishedVersion
    precision: AskedPrecision
    evictable: bool = False
    pinned: bool = False
    kept: bool = False
    in_traffic: bool = False
    files: Hashable = None
    is_tried: bool = False
    memory_bytes: int = 0
    retired: bool = False
    last_used: float = field(default_factory=time.monotonic)
    model: ServedModel | None = None
    problem: str | None = None
    is_due: bool = False
    load: "asyncio.Task[None]" = field(init=False)

    @property
    def key(self) -> tuple[str, int, AskedPrecision]:
        """What it is of: the same for whoever takes its place."""
        return self.published.name, self.published.number, self.precision

    @property
    def is_wanted(self) -> bool:
        """Whether it stays although another version answers for its model."""
        return self.evictable or self.pinned or self.in_traffic

    @property
    def may_be_evicted(self) -> bool:
        """Whether nobody uses it now or insists on it."""
        return not (self.model is None or self.model.is_used or self.pinned or self.kept)


def status_of(
    published: PublishedVersion, slots: Sequence[Slot], *, unloaded: bool
) -> VersionStatus:
    """Return the state of a version, as it looks now, that has these slots."""
    loaded = tuple(
        LoadedVariant(
            precision=slot.model.classifier.precision,
            reason=slot.model.classifier.precision_reason,
            runtime=slot.model.classifier.session.runtime,
            provider=slot.model.classifier.session.provider,
            tuning=slot.model.tuning,
        )
        for slot in slots
        if slot.model is not None
    )
    failed = next((slot.problem for slot in slots if slot.problem), None)
    problem = published.why_unusable or failed
    if loaded:
        return VersionStatus(state=State.READY, problem=problem, loaded=loaded)
    if published.incomplete is not None:
        return VersionStatus(state=State.INCOMPLETE, problem=published.incomplete)
    if problem:
        return VersionStatus(state=State.FAILED, problem=problem)
    if slots:
        return VersionStatus(state=State.LOADING)
    return VersionStatus(state=State.UNLOADED if unloaded else State.AVAILABLE)


def not_ready(
    published: PublishedVersion, problem: str | None, *, precision: AskedPrecision = "auto"
) -> ModelNotReady:
    """Return the error for a version without a model: it failed, or it is loading."""
    where = f"model {published.name!r} version {published.number}"
    if precision != "auto":
        where += f" in {precision}"
    if problem is not None:
        retry_after_s = None if published.incomplete is None else _LOADING_RETRY_S
        return ModelNotReady(f"{where} cannot be served: {problem}", retry_after_s=retry_after_s)
    return ModelNotReady(f"{where} is loading; try again", retry_after_s=_LOADING_RETRY_S)
