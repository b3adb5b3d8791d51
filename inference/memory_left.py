"""How much memory a container still leaves to its processes: the kernel ends them at its limit."""

from pathlib import Path
from typing import Final

_CGROUP: Final = Path("/sys/fs/cgroup")


def memory_left_bytes(cgroup: Path = _CGROUP) -> int | None:
    """Return what is left of a container's limit; None where there is no limit, or none to be read.

    Files that were read count as taken, but the kernel gives their memory back first: they are
    left out (version 2 of cgroups; on version 1 and outside of Linux there is nothing to read).
    """
    try:
        limit = int((cgroup / "memory.max").read_text(encoding="ascii"))  # or "max"
        taken = int((cgroup / "memory.current").read_text(encoding="ascii"))
        lines = (cgroup / "memory.stat").read_text(encoding="ascii").splitlines()
        stat = {name: int(value) for name, value in (line.split() for line in lines)}
        return limit - taken + stat["inactive_file"]
    except (OSError, ValueError, KeyError):
        return None
