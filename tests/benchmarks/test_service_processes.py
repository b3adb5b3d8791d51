"""What a server's processes take: all of them, and nobody else's."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from benchmarks.service.processes import cpu_seconds, resident_mb
from scripts.children import Children

# The system cuts each process's time in the program and that in the kernel to hundredths of a second.
CUT_S = 2 / os.sysconf("SC_CLK_TCK")

# Ends its work, says so, and stays until it is stopped.
_WORK = """
import subprocess, sys, time
def burn(seconds):
    began = time.process_time()
    while time.process_time() - began < seconds: pass
held = bytearray(b"x") * {megabytes}_000_000
burn({own_s})
if {child_s}:
    child = subprocess.Popen([sys.executable, "-c", '''
import sys, time
while time.process_time() < {child_s}: pass
print("done", flush=True)
sys.stdin.read()  # ends with its parent, which nobody would end it with
'''], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
    child.stdout.readline()
    if {ends}: child.kill(); child.wait()
print("ready", flush=True)
import signal; signal.pause()
"""


@pytest.fixture
def children() -> Iterator[Children]:
    with Children() as running:
        yield running


def worked(
    children: Children, *, own_s: float, child_s: float = 0, ends: bool = False, megabytes: int = 1
) -> int:
    """Return the session of a process that has worked for a time and waits now."""
    script = _WORK.format(own_s=own_s, child_s=child_s, ends=ends, megabytes=megabytes)
    child = children.start([sys.executable, "-c", script], stdout=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    return child.pid


def test_the_work_of_a_server_is_counted(children: Children) -> None:
    assert 0.3 - CUT_S <= cpu_seconds(worked(children, own_s=0.3)) < 1.0


@pytest.mark.parametrize("ends", [False, True], ids=["lives", "has ended"])
def test_so_is_that_of_a_process_it_started_in_a_session_of_its_own(
    children: Children, ends: bool
) -> None:
    took_s = cpu_seconds(worked(children, own_s=0.2, child_s=0.4, ends=ends))
    assert 0.6 - 2 * CUT_S <= took_s < 1.5


def test_work_of_others_is_not(children: Children) -> None:
    session_id = worked(children, own_s=0.0)
    before_s = cpu_seconds(session_id)
    worked(children, own_s=0.3)
    assert cpu_seconds(session_id) - before_s < 0.1


def test_memory_is_that_of_the_server_alone(children: Children) -> None:
    small, large = worked(children, own_s=0), worked(children, own_s=0, megabytes=200)
    assert resident_mb(small) < 100
    assert 200 <= resident_mb(large) < 300
