"""The states that a published version can be in."""

from dataclasses import dataclass
from enum import StrEnum

from inference.manifest import Precision
from inference.model_session import Runtime
from service.engine.tuning import Tuning


class State(StrEnum):
    """Of one published version."""

    AVAILABLE = "available"  # on disk; loaded when a request names it
    INCOMPLETE = "incomplete"  # on disk, but for a file that has not (fully) arrived
    LOADING = "loading"
    READY = "ready"
    FAILED = "failed"
    UNLOADED = "unloaded"  # by an operator, until an operator loads it again


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedVariant:
    """A precision of a version that is in memory, what it really runs on, and how.

    `reason` says why in this precision.
    """

    precision: Precision
    reason: str
    runtime: Runtime
    provider: str
    tuning: Tuning


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionStatus:
    """The state of one published version; `problem` says why where it failed."""

    state: State
    problem: str | None = None
    loaded: tuple[LoadedVariant, ...] = ()
