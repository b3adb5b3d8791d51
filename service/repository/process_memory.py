"""The memory of this process: how much it is, what stays in it, and giving back what was freed."""

import gc
import os
from pathlib import Path
from typing import Final

from inference.freed_memory import trim_heaps

_STATM: Final = Path("/proc/self/statm")


def resident_bytes() -> int | None:
    """Return what the process holds in RAM; None where the system does not say."""
    try:
        pages = int(_STATM.read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")


def freeze_garbage_collector() -> None:
    """Leave every object that exists out of later collections. Once, before the first request.

    They are the libraries' and stay to the end. A collection holds up every thread: 45 ms with them,
    1 ms without.
    """
    gc.collect()
    gc.freeze()


def give_back_freed_memory() -> None:
    """Collect what is unreachable, and hand the C heap's free pages back. Blocking, some 10 ms.

    glibc keeps freed memory for itself, so that a model that was given up would still count.
    """
    gc.collect()
    trim_heaps()
