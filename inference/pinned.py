"""Page-locked host memory: a GPU copies from it without a detour. Asked of the CUDA driver itself."""

import ctypes
import math
import os
import weakref
from functools import cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt

_DRIVER: Final = "nvcuda.dll" if os.name == "nt" else "libcuda.so.1"
_PORTABLE: Final = 1  # CU_MEMHOSTALLOC_PORTABLE: locked for every context, ONNX Runtime's too


def has_gpu() -> bool:
    """Return whether the CUDA driver answers and knows of a GPU."""
    driver = _driver()
    if driver is None:
        return False
    count = ctypes.c_int(0)
    return driver.cuDeviceGetCount(ctypes.byref(count)) == 0 and count.value > 0


def pinned_array(shape: tuple[int, ...]) -> tuple[npt.NDArray[np.uint8], bool]:
    """Return a uint8 array, and whether its memory is page-locked.

    It is not where there is no GPU, or where the system allows no more of it; a container's limit on
    locked memory can be small.
    """
    num_bytes = math.prod(shape)
    address = ctypes.c_void_p()
    driver = _driver()
    if (
        driver is None
        or not _make_context_current(driver)
        or driver.cuMemHostAlloc(ctypes.byref(address), ctypes.c_size_t(num_bytes), _PORTABLE) != 0
        or address.value is None
    ):
        return np.empty(shape, np.uint8), False
    memory = (ctypes.c_uint8 * num_bytes).from_address(address.value)
    # Arrays and their views keep `memory` alive; when the last is gone, the driver gets it back.
    weakref.finalize(memory, _free, driver, address.value)
    return np.ctypeslib.as_array(memory).reshape(shape), True


@cache
def _driver() -> Any:
    try:
        driver = ctypes.CDLL(_DRIVER)
    except OSError:
        return None
    return driver if driver.cuInit(0) == 0 else None


def _make_context_current(driver: Any) -> bool:
    """Take the device's primary context, the one that ONNX Runtime works in."""
    device, context = ctypes.c_int(0), ctypes.c_void_p()
    return bool(
        driver.cuDeviceGet(ctypes.byref(device), 0) == 0
        and driver.cuDevicePrimaryCtxRetain(ctypes.byref(context), device) == 0
        and driver.cuCtxSetCurrent(context) == 0
    )


def _free(driver: Any, address: int) -> None:
    if _make_context_current(driver):
        driver.cuMemFreeHost(ctypes.c_void_p(address))
