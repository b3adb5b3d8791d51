"""Whether there may be a GPU that PyTorch could use, found out without importing it."""

import ctypes
import sys
from pathlib import Path
from typing import Final

_NVIDIA: Final = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
_AMD: Final = Path("/dev/kfd")


def has_gpu_driver() -> bool:
    """Return False only where PyTorch would certainly find no GPU by itself."""
    if _AMD.exists():
        return True
    try:
        ctypes.CDLL(_NVIDIA)
    except OSError:
        return False
    return True
