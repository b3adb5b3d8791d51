"""How many cores this process may really use."""

import math
import os
from pathlib import Path
from typing import Final

_CGROUP_QUOTA: Final = Path("/sys/fs/cgroup/cpu.max")


def usable_cores(*, shared_by: int = 1, quota_file: Path = _CGROUP_QUOTA) -> int:
    """Return the cores for each of `shared_by` equal processes; at least 1.

    `os.cpu_count()` tells of the machine. A container's share is in its CPU quota, and a process may
    be bound to some of the cores.
    """
    cores = _allowed_cores()
    quota = _read_quota(quota_file)
    if quota is not None:
        cores = min(cores, math.ceil(quota))
    return max(1, cores // shared_by)


def _allowed_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _read_quota(file: Path) -> float | None:
    """Return a cgroup's CPU quota in cores: its file holds "200000 100000", or "max 100000"."""
    try:
        quota, period = file.read_text(encoding="ascii").split()
        return int(quota) / int(period)
    except (OSError, ValueError, ZeroDivisionError):
        return None
