"""What a process and those below it have used since the last look. Linux only."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

_TICKS_S: Final = 1 / os.sysconf("SC_CLK_TCK")
_RESETS_PEAK: Final = "5"


def take_peak_mb(pid: int) -> float:
    """Return the largest resident sets since the last call, in 10^6 bytes, summed over the processes.

    The system keeps the largest for each process (VmHWM), so that none is missed between two looks; it is
    told to begin anew.
    """
    total = 0.0
    for one in _tree(pid):
        with suppress(OSError, IndexError):
            status = Path(f"/proc/{one}/status").read_text(encoding="utf-8", errors="replace")
            total += int(status.partition("VmHWM:")[2].split()[0]) * 1024 / 1e6
            Path(f"/proc/{one}/clear_refs").write_text(_RESETS_PEAK, encoding="ascii")
    return total


def cpu_seconds(pid: int) -> float:
    """Return the seconds of a core that the processes have used, those that have ended included."""
    total = 0.0
    for one in _tree(pid):
        with suppress(OSError, IndexError):
            stat = Path(f"/proc/{one}/stat").read_text(encoding="utf-8", errors="replace")
            # The name in parentheses may hold spaces.
            fields = stat.rpartition(")")[2].split()
            total += sum(map(int, fields[11:15])) * _TICKS_S
    return total


def _tree(pid: int) -> list[int]:
    found = [pid]
    for one in found:  # grows as it goes
        for children in Path(f"/proc/{one}/task").glob("*/children"):
            with suppress(OSError):
                found += map(int, children.read_text(encoding="ascii").split())
    return found
