"""New packages are tried a few at a time, and one that takes long makes way for those behind it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Final

from inference import Package
from inference.precision import AskedPrecision

# A sound package takes about a second of a core; each of the others waits in its own process.
_AT_ONCE: Final = 2
_MAKES_WAY_AFTER_S: Final = 5.0
# Each may hold as much memory as a trial may.
_MOST: Final = 8


class TrialQueue:
    """See the module. Belongs to one event loop."""

    def __init__(
        self, try_out: Callable[[Package, AskedPrecision], None], *, end: Callable[[], None]
    ) -> None:
        """Store what tries a package, blocking, and what ends all that are being tried."""
        self._try_out = try_out
        self._end = end
        self._changed = asyncio.Condition()
        self._num_running = 0
        self._num_pauses = 0
        self._threads = ThreadPoolExecutor(_MOST, thread_name_prefix="trial")

    async def run(self, package: Package, precision: AskedPrecision) -> None:
        """Return when a package may be loaded.

        Raises:
            PackageError: it may not.
        """
        async with self._changed:
            await self._changed.wait_for(
                lambda: not self._num_pauses and self._num_running < _AT_ONCE
            )
            self._num_running += 1
        try:
            loop = asyncio.get_running_loop()
            trial = loop.run_in_executor(self._threads, self._try_out, package, precision)
            trial.add_done_callback(_note_seen)
            await asyncio.wait([trial], timeout=_MAKES_WAY_AFTER_S)
        finally:
            self._num_running -= 1
            await self._tell()
        await trial

    @asynccontextmanager
    async def paused(self) -> AsyncIterator[None]:
        """Begin no trial while the context is open, and open it when those that have a turn are over.

        For what is measured while a model is loaded: a trial beside it takes a core, and the model would
        run for good as if there were fewer.
        """
        self._num_pauses += 1
        try:
            async with self._changed:
                await self._changed.wait_for(lambda: self._num_running == 0)
            yield
        finally:
            self._num_pauses -= 1
            await self._tell()

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    def close(self) -> None:
        """End what is being tried, and try no more."""
        self._end()
        self._threads.shutdown(wait=False, cancel_futures=True)


def _note_seen(trial: "asyncio.Future[None]") -> None:
    """Keep asyncio from reporting the error of a trial whose asker was given up, as at the service's end."""
    if not trial.cancelled():
        trial.exception()
