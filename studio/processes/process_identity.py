"""Whether a process is still the one that was started: its number may be another's by now."""

import os
from pathlib import Path


def started_at(pid: int) -> str:
    """Return when a process began, in the system's words; empty where that cannot be known."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    # Behind the name, which may hold blanks and brackets: the 22nd field of all.
    return stat.rpartition(")")[2].split()[19]


def is_running(pid: int, started: str) -> bool:
    """Return whether the process of that number and beginning is there and has not ended."""
    if started:
        return started_at(pid) == started and _state(pid) != "Z"
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True


def _state(pid: int) -> str:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "Z"
    return stat.rpartition(")")[2].split()[0]
