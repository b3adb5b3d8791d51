"""File descriptors for as many connections as are wanted, or else for fewer connections."""

import logging
import sys
from typing import Final

if sys.platform != "win32":
    import resource

logger = logging.getLogger(__name__)

# Beside connections: listeners, the loop's own, libraries, models being read, pipes to other processes.
_OTHERS: Final = 96
_MIN_CONNECTIONS: Final = 16


def affordable_connections(wanted: int) -> int:
    """Raise this process's limit as far as it may be; return for how many connections it is enough.

    One more would otherwise be lost without an answer, and with it whatever needs a file just then.
    """
    if sys.platform == "win32":
        return wanted
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted + _OTHERS
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return wanted
    allowed = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
    if allowed > soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    affordable = min(wanted, max(_MIN_CONNECTIONS, allowed - _OTHERS))
    if affordable < wanted:
        logger.warning(
            "fewer_connections allowed=%d wanted=%d reason='ulimit -n' is %d, %d are needed",
            *(affordable, wanted, allowed, needed),
        )
    return affordable
