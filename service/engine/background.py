"""Work that no request waits for, on what the requests leave of the cores."""

import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

Result = TypeVar("Result")

# Against the thread of a request on the same core: about a tenth of it.
_STEPS_BACK: Final = 10
_LOWEST: Final = 19


def run_in_background(work: Callable[[], Result]) -> Result:
    """Return what `work` does, done in a thread that yields to all others. Blocking.

    Threads that `work` starts yield as it does, for as long as they live. Where threads have no
    priorities of their own, outside Linux, nothing yields.
    """
    return _THREAD.submit(work).result()


def yield_to_requests() -> None:
    """Let all other threads go before the one that calls this, from now on."""
    if sys.platform == "linux":
        thread = threading.get_native_id()
        own = os.getpriority(os.PRIO_PROCESS, thread)
        os.setpriority(os.PRIO_PROCESS, thread, min(_LOWEST, own + _STEPS_BACK))


# The same one each time: glibc keeps free memory by thread, and gives little of it back.
_THREAD: Final = ThreadPoolExecutor(
    1, thread_name_prefix="background", initializer=yield_to_requests
)
