"""What a request costs a running service: its CPU, its memory, and how late it answers others meanwhile.

    with measured(service) as cost:
        httpx2.post(f"{service.url}/predict", content=attack)
    assert cost.cpu_s < 2

Linux alone: the figures are those of `/proc`.
"""

import http.client
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from tests.service.service_process import Process

_TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")
_PROBE_PAUSE_S: Final = 0.02


@dataclass(slots=True)
class Cost:
    """What happened to the process while the context was open; complete when it has closed.

    Attributes:
        cpu_s: seconds of CPU, of all its threads.
        memory_mb: by how much the resident memory rose above what it was before, at its highest.
        slowest_live_s: the longest that `/health/live` took to answer.
    """

    cpu_s: float = 0.0
    memory_mb: float = 0.0
    slowest_live_s: float = 0.0


@contextmanager
def measured(service: Process) -> Iterator[Cost]:
    """Measure what the service is put to; of several worker processes that of the supervisor alone."""
    pid = service.process.pid
    cost, done = Cost(), threading.Event()
    prober = threading.Thread(target=_probe, args=(service.url, cost, done))
    _forget_peak(pid)
    cpu_s, resident_mb = _cpu_s(pid), _memory_mb(pid, "VmRSS")
    prober.start()
    try:
        yield cost
    finally:
        done.set()
        prober.join()
        cost.cpu_s = _cpu_s(pid) - cpu_s
        cost.memory_mb = _memory_mb(pid, "VmHWM") - resident_mb


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


def _forget_peak(pid: int) -> None:
    """Have the kernel count the highest resident memory (VmHWM) from now on."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S


def _memory_mb(pid: int, name: str) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) / 1024
    raise AssertionError(f"/proc has no {name}")
