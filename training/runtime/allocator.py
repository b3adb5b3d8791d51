"""Memory that a step frees stays with the process: the next step needs as much again."""

import ctypes
from typing import Final

# Of glibc's mallopt(3).
_TRIM_THRESHOLD: Final = -1
_MMAP_THRESHOLD: Final = -3
_NEVER: Final = -1
# A step's tensors are smaller, arrays of all images of a large folder are larger: those are to go.
_REUSED_BYTES: Final = 2**28


def keep_freed_memory() -> bool:
    """Let the C library reuse blocks of up to 256 MiB in place of giving them back; return whether it does.

    glibc gives each block of more than 32 MiB back at once, and the system zeroes every page of the next
    one: a fifth of the time of a training step on a CPU. The price is memory, a quarter more at the peak of
    a run. Other C libraries are left as they are.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # macOS, musl; Windows has no such handle
        return False
    return bool(mallopt(_MMAP_THRESHOLD, _REUSED_BYTES) and mallopt(_TRIM_THRESHOLD, _NEVER))
