"""A server's processes: their memory, while something happens to them too, and their CPU. Linux only."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_EVERY_S: Final = 0.5


@dataclass(slots=True, kw_only=True)
class Memory:
    """What a server held in RAM, in MB: when something began, at most, and when it had ended."""

    start_mb: float = 0.0
    peak_mb: float = 0.0
    end_mb: float = 0.0


@asynccontextmanager
async def watch_memory(session_id: int) -> AsyncIterator[Memory]:
    """Look at the memory of a server's processes while the context is open."""
    start = resident_mb(session_id)
    memory = Memory(start_mb=start, peak_mb=start)

    async def watch() -> None:
        while True:
            await asyncio.sleep(_EVERY_S)
            memory.peak_mb = max(memory.peak_mb, resident_mb(session_id))

    watching = asyncio.create_task(watch())
    try:
        yield memory
    finally:
        watching.cancel()
        memory.end_mb = resident_mb(session_id)
        memory.peak_mb = max(memory.peak_mb, memory.end_mb)


def resident_mb(session_id: int) -> float:
    """Return the memory of a session's processes and of all that they started, wherever it went."""
    pages = sum(process.resident_pages for process in _family(session_id))
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def cpu_seconds(session_id: int) -> float:
    """Return the seconds of a core that the same processes took so far, in the program and the kernel.

    What ended and was waited for counts, so that the sum never falls. Too low by up to two clock
    ticks (hundredths of a second) a process, to which the system cuts each time.
    """
    ticks = sum(process.cpu_ticks for process in _family(session_id))
    return ticks / os.sysconf("SC_CLK_TCK")


def main_thread_seconds(pid: int) -> float:
    """Return the seconds of a core that a process's main thread took so far, to the nanosecond."""
    ran_ns, _, _ = Path(f"/proc/{pid}/task/{pid}/schedstat").read_text().split()
    return int(ran_ns) / 1e9


@dataclass(frozen=True, slots=True, order=True)
class _Process:
    """A line of /proc/PID/stat, see proc(5)."""

    pid: int
    parent: int
    session: int
    resident_pages: int
    cpu_ticks: int

    @classmethod
    def read(cls, folder: Path) -> "_Process":
        # The name before the last bracket may contain anything.
        fields = (folder / "stat").read_text().rpartition(")")[2].split()
        return cls(
            pid=int(folder.name),
            parent=int(fields[1]),
            session=int(fields[3]),
            resident_pages=int((folder / "statm").read_text().split()[1]),
            cpu_ticks=sum(map(int, fields[11:15])),  # utime, stime, cutime, cstime
        )


def _family(session_id: int) -> Iterator[_Process]:
    pids = {session_id}
    for process in sorted(_processes()):
        if not pids.isdisjoint((process.pid, process.parent, process.session)):
            pids.add(process.pid)
            yield process


def _processes() -> Iterator[_Process]:
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            yield _Process.read(folder)
