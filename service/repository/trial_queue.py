"""New packages are tried a few at a time, and one that takes long makes way for those behind it."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
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
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._threads = ThreadPoolExecutor(_MOST, thread_name_prefix="trial")

    async def run(self, package: Package, precision: AskedPrecision) -> None:
        """Return when a package may be loaded.

        Raises:
            PackageError: it may not.
        """
        async with self._turns:
            loop = asyncio.get_running_loop()
            trial = loop.run_in_executor(self._threads, self._try_out, package, precision)
            await asyncio.wait([trial], timeout=_MAKES_WAY_AFTER_S)
        await trial

    def close(self) -> None:
        """End what is being tried, and try no more."""
        self._end()
        self._threads.shutdown(wait=False, cancel_futures=True)
