"""Virtual environments for programs that are no part of the project: other clients, other servers.

Each is built once, with the machine's own pip settings, and kept under the user's cache folder; another
list of requirements is another environment. Two processes that want the same one wait for each other.
"""

import fcntl
import hashlib
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final


def tool_python(name: str, requirements: Sequence[str]) -> Path:
    """Return the interpreter of an environment that has `requirements`, such as `kserve==0.21.0`.

    Raises:
        subprocess.CalledProcessError: pip cannot install them; its output is on stderr.
    """
    digest = hashlib.sha256("\n".join(sorted(requirements)).encode()).hexdigest()[:12]
    folder = _FOLDER / f"{name}-py{sys.version_info[0]}{sys.version_info[1]}-{digest}"
    python = folder / "bin" / "python"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        ready = folder / ".ready"
        if not ready.exists():
            # Without a pip of its own, and without byte code of modules that nobody imports.
            _run("-m", "venv", "--clear", "--without-pip", str(folder))
            pip = ("-m", "pip", "--python", str(python))
            _run(*pip, "install", "-qq", "--no-compile", *requirements)
            ready.touch()
    return python


def _cache_dir() -> Path:
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "graft" / "tools"


# Found once: tests put another cache folder into the environment for what they run.
_FOLDER: Final = _cache_dir()


def _run(*command: str) -> None:
    subprocess.run(
        [sys.executable, *command],
        check=True,
        stdout=sys.stderr,
        env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
    )
