"""Work that goes on in a thread while something else is done."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")


@contextmanager
def beside(work: Callable[[], T]) -> Iterator[Future[T]]:
    """Do `work` while the block runs; what ends the block early does not wait for it."""
    pool = ThreadPoolExecutor(1, thread_name_prefix="beside")
    try:
        yield pool.submit(work)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
