"""Processes of our own that may be ended at any moment: started alike, and the first to go."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

_START: Final = "import sys; sys.path[:] = sys.argv[1:]; from {module} import main; main()"
# One core is meant, and no GPU.
_ENVIRONMENT: Final = {
    "CUDA_VISIBLE_DEVICES": "",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
}


def start_child(module: str, *, bufsize: int = -1) -> "subprocess.Popen[bytes]":
    """Start `main` of a module, with pipes to its standard input and output. It gets none of our keys.

    Raises:
        OSError: no process could be started.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GRAFT_")}
    return subprocess.Popen(  # noqa: S603 - our own code
        # Modules are looked for where this process does.
        [sys.executable, "-c", _START.format(module=module), *map(os.path.abspath, sys.path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=bufsize,
        env={**kept, **_ENVIRONMENT},
    )


def go_first() -> None:
    """In the child: be the first to go where the system is short of memory, or the parent has gone."""
    # A terminal's Ctrl-C, and a SIGTERM to all processes of a service, are for the one who asks.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if sys.platform != "win32":
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    with suppress(OSError):  # Linux alone has it
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")


def bound_data(num_bytes: int) -> None:
    """In the child: take no more memory than this, where the system can hold it to that.

    Data is what is written to: address space as such is reserved in plenty by threads and allocators.
    """
    if sys.platform == "linux":
        import resource

        lower_limit(resource.RLIMIT_DATA, num_bytes)


def lower_limit(which: int, wanted: int) -> None:
    """In the child: lower a limit of `resource`, as far as it is not lower already."""
    import resource

    most = resource.getrlimit(which)[1]
    limit = wanted if most == resource.RLIM_INFINITY else min(wanted, most)
    resource.setrlimit(which, (limit, most))
