"""Which machine a figure is of, so that those of different machines are told apart. Linux only."""

import os
from pathlib import Path


def this_machine() -> str:
    """Return the processor in words, and how many of its cores this process may use."""
    text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    return f"{len(os.sched_getaffinity(0))} cores, {processor_in(text)}"


def processor_in(cpuinfo: str) -> str:
    """Return the processor that /proc/cpuinfo tells of: virtual machines hide all but its numbers."""
    found = {
        name.strip(): value.strip()
        for name, _, value in (line.partition(":") for line in cpuinfo.splitlines())
    }
    if "model name" not in found:
        return "unknown processor"
    family, model = found.get("cpu family", "?"), found.get("model", "?")
    return f"{found['model name']} (family {family}, model {model})"
