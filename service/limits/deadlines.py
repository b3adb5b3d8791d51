"""Until when an answer is worth anything: the service's own bound, and the caller's where it names one."""

import asyncio
import time
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Final, TypeVar

from service.errors import DeadlineExceeded, InvalidParameter

TIMEOUT_HEADER: Final = "X-Request-Timeout-Ms"
_MAX_MS: Final = 24 * 3600 * 1000

Read = TypeVar("Read")


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadline:
    """The service's bound counts from the last byte of the request, the caller's from its first.

    Times are of `time.monotonic`.

    Attributes:
        answer_within_s: the service's bound.
        caller_at: when the caller gives up, where it said so.
    """

    answer_within_s: float
    caller_at: float | None = None

    @classmethod
    def of_request(cls, header: str | None, *, answer_within_s: float) -> "Deadline":
        """Return the deadline of a request that has just begun.

        Raises:
            InvalidParameter: the header is no whole number of milliseconds from 1 to a day.
        """
        if header is None:
            return cls(answer_within_s=answer_within_s)
        text = header.strip()
        if not (text.isascii() and text.isdigit() and len(text) <= 9 and 0 < int(text) <= _MAX_MS):
            raise InvalidParameter(
                f"{TIMEOUT_HEADER} is {text[:40]!r}; send whole milliseconds, such as 500"
            )
        return cls(answer_within_s=answer_within_s, caller_at=time.monotonic() + int(text) / 1e3)

    def at(self) -> float:
        """Return when it passes, for a request whose last byte has just come."""
        own = time.monotonic() + self.answer_within_s
        return own if self.caller_at is None else min(own, self.caller_at)

    def left_s(self) -> float:
        """Return how many seconds are left, for a request whose last byte has just come."""
        return self.at() - time.monotonic()

    async def while_receiving(self, read: Awaitable[Read]) -> Read:
        """Await what reads the request, until the caller's time is over.

        Raises:
            DeadlineExceeded: it is.
        """
        if self.caller_at is None:
            return await read
        try:
            async with asyncio.timeout(self.caller_at - time.monotonic()):
                return await read
        except TimeoutError as err:
            raise DeadlineExceeded(
                f"the time that {TIMEOUT_HEADER} gives was over before the body had come; "
                "give more time or send fewer bytes"
            ) from err
