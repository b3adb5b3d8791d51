"""What a request costs a running service: its CPU, its memory, and how late it answers others meanwhile.

    with measured(service) as cost:
        httpx2.post(f"{service.url}/predict", content=attack)
    assert cost.cpu_s < 2

Linux alone: the figures are those of `/proc`, of the service's process and its children.
"""

import http.client
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import urlsplit

from tests.service.service_process import Process

T = TypeVar("T")

_TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")
_PAGE_MB: Final = os.sysconf("SC_PAGE_SIZE") / 2**20
_PROBE_PAUSE_S: Final = 0.02
_GOOD_PAUSE_S: Final = 0.05
_LOOK_PAUSE_S: Final = 0.01
# A service is at rest that for so long takes no more of a core than this, the probes' share included.
_REST_S: Final = 0.5
_REST_CORES: Final = 0.4


@dataclass(slots=True)
class Cost:
    """What happened to the process while the context was open; complete when it has closed.

    Attributes:
        cpu_s: seconds of CPU, of all its threads and children. The probes take some 0.03 a second.
        memory_mb: by how much the resident memory rose above what it was before, at its highest.
        kept_mb: by how much it was above that at the end.
        slowest_live_s: the longest that `/health/live` took to answer.
        slowest_good_s: the longest that a good image took, sent twenty times a second.
        good_statuses: how these were answered: HTTP status -> how often.
    """

    cpu_s: float = 0.0
    memory_mb: float = 0.0
    kept_mb: float = 0.0
    slowest_live_s: float = 0.0
    slowest_good_s: float = 0.0
    good_statuses: Counter[int] = field(default_factory=Counter)


@contextmanager
def measured(
    service: Process, *, good_image: bytes | None = None, rests_within_s: float = 0
) -> Iterator[Cost]:
    """Measure what the service is put to.

    Args:
        service: the process; workers and other children count with it.
        good_image: sent to `/predict` meanwhile, as another client would.
        rests_within_s: wait, at the end, until the service is at rest; work goes on behind an answer
            that came too late. 0 does not wait.

    Raises:
        TimeoutError: it was not at rest in time.
    """
    pid = service.process.pid
    cost, done = Cost(), threading.Event()
    threads = [
        threading.Thread(target=_probe, args=(service.url, cost, done)),
        threading.Thread(target=_watch_memory, args=(pid, cost, done)),
    ]
    if good_image is not None:
        threads.append(threading.Thread(target=_ask, args=(service.url, good_image, cost, done)))
    cpu_s, before_mb = _cpu_s(pid), resident_mb(pid)
    for thread in threads:
        thread.start()
    try:
        yield cost
        if rests_within_s:
            _wait_until_at_rest(pid, rests_within_s)
    finally:
        done.set()
        for thread in threads:
            thread.join()
        cost.cpu_s = _cpu_s(pid) - cpu_s
        cost.memory_mb -= before_mb
        cost.kept_mb = resident_mb(pid) - before_mb


def at_once(attack: Callable[[], T], times: int) -> list[T]:
    """Run an attack several times at one time; return what each returned."""
    with ThreadPoolExecutor(times) as pool:
        return [future.result() for future in [pool.submit(attack) for _ in range(times)]]


def _probe(url: str, cost: Cost, done: threading.Event) -> None:
    """Ask again and again over a kept connection; at least once after `done`, so that a late stall counts."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=120)
    last = False
    while not last:
        last = done.wait(_PROBE_PAUSE_S)
        started = time.monotonic()
        connection.request("GET", "/health/live")
        assert connection.getresponse().read()
        cost.slowest_live_s = max(cost.slowest_live_s, time.monotonic() - started)
    connection.close()


def _ask(url: str, image: bytes, cost: Cost, done: threading.Event) -> None:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=120)
    while not done.wait(_GOOD_PAUSE_S):
        started = time.monotonic()
        connection.request("POST", "/predict", body=image)
        response = connection.getresponse()
        response.read()
        cost.good_statuses[response.status] += 1
        cost.slowest_good_s = max(cost.slowest_good_s, time.monotonic() - started)
    connection.close()


def _watch_memory(pid: int, cost: Cost, done: threading.Event) -> None:
    """Sum the processes again and again: the kernel's own peaks are of one process and of any time."""
    while not done.wait(_LOOK_PAUSE_S):
        cost.memory_mb = max(cost.memory_mb, resident_mb(pid))


def _wait_until_at_rest(pid: int, within_s: float) -> None:
    gives_up_at = time.monotonic() + within_s
    while time.monotonic() < gives_up_at:
        cpu_s = _cpu_s(pid)
        time.sleep(_REST_S)
        if _cpu_s(pid) - cpu_s < _REST_CORES * _REST_S:
            return
    raise TimeoutError(f"the service is still at work after {within_s:g} s")


def _cpu_s(pid: int) -> float:
    """Return the seconds of a process, of its children, and of those of them that have ended."""
    stats = _read_all(pid, "stat")
    return sum(
        sum(map(int, stat.rpartition(")")[2].split()[11:15])) / _TICKS_PER_S for stat in stats
    )


def resident_mb(pid: int) -> float:
    """Return what a process and its children hold in RAM."""
    return sum(int(statm.split()[1]) * _PAGE_MB for statm in _read_all(pid, "statm"))


def _read_all(pid: int, name: str) -> Iterator[str]:
    """Read a file of `/proc` for a process and its descendants; one that ends meanwhile is left out."""
    folder = Path(f"/proc/{pid}")
    try:
        yield (folder / name).read_text(errors="replace")
        threads = list((folder / "task").iterdir())
        children = [c for t in threads for c in (t / "children").read_text().split()]
    except OSError:
        return
    for child in children:
        yield from _read_all(int(child), name)
