"""The memory of this process: how much it is, and giving back to the machine what was freed."""

import ctypes
import gc
import os
from pathlib import Path
from typing import Final

_STATM: Final = Path("/proc/self/statm")


def resident_bytes() -> int | None:
    """Return what the process holds in RAM; None where the system does not say."""
    try:
        pages = int(_STATM.read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")


def give_back_freed_memory() -> None:
    """Collect what is unreachable, and hand the C heap's free pages back. Blocking, some ms.

    glibc keeps freed memory for itself, so that a model that was given up would still count.
    """
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if os.name == "posix" else None
    if trim is not None:
        trim(0)
