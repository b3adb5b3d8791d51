"""How many threads BLAS has while a head is fitted."""

from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import Any, Final

import numpy.typing as npt
from threadpoolctl import ThreadpoolController

_SMALL: Final = 4_000_000


def blas_threads(inputs: npt.NDArray[Any]) -> AbstractContextManager[object]:
    """Return a context in which BLAS has one thread for small inputs.

    A second one costs more than it gives there: 2.4 s against 0.2 s for seven values of C on 510 x 1280 with
    2 cores; on a busy machine the threads wait for each other for seconds.
    """
    if inputs.size >= _SMALL:
        return nullcontext()
    limit: AbstractContextManager[object] = _libraries().limit(limits=1, user_api="blas")
    return limit


@cache
def _libraries() -> ThreadpoolController:
    """Return what sets the threads of this process's BLAS; finding the libraries takes milliseconds."""
    return ThreadpoolController()
