"""Memory that is kept: counted in pages that the system has to hand out."""

import platform
import subprocess
import sys

import pytest

pytestmark = [
    pytest.mark.training,
    pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc's own setting"),
]

# Twenty blocks of 64 MiB, each written and freed before the next, as the activations of steps are.
_BLOCKS = """
import resource
import numpy as np
{first}
np.ones(2**23)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    np.ones(2**23)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def pages_of(first: str) -> int:
    """Return the pages that a new process was given for the blocks, after running a line."""
    command = [sys.executable, "-c", _BLOCKS.format(first=first)]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def test_freed_blocks_are_used_again() -> None:
    keeping = "from training.runtime.allocator import keep_freed_memory; assert keep_freed_memory()"
    assert pages_of(keeping) < pages_of("") / 10
