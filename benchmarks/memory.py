"""How much memory this process has taken. Linux only."""

from pathlib import Path


def peak_mb() -> float:
    """Return the largest resident set so far, in 10^6 bytes (VmHWM).

    `getrusage` would include what the parent held when it started this process.
    """
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024 / 1e6
