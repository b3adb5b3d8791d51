"""A server's processes: their memory, while something happens to them too. Linux only."""

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
    family, pages = {session_id}, 0
    for pid, parent, session, resident in sorted(_processes()):
        if pid in family or parent in family or session in family:
            family.add(pid)
            pages += resident
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _processes() -> Iterator[tuple[int, int, int, int]]:
    """Yield process, parent, session and resident pages of everything that runs."""
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            resident = int((folder / "statm").read_text().split()[1])
            yield int(folder.name), int(fields[1]), int(fields[3]), resident
