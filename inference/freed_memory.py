"""Memory that was freed, back to the system: glibc keeps it for itself, in a heap for each thread."""

import ctypes
import os
from functools import cache


def trim_heaps() -> None:
    """Hand the C heaps' free pages back. Blocking, some milliseconds; does nothing but with glibc."""
    trim = _malloc_trim()
    if trim is not None:
        trim(0)


@cache
def _malloc_trim() -> "ctypes._NamedFuncPointer | None":
    return getattr(ctypes.CDLL(None), "malloc_trim", None) if os.name == "posix" else None
