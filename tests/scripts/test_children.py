"""Children never outlive their starter, shown with real processes and real signals."""

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.children import Children, Stopped

ROOT = Path(__file__).resolve().parent.parent.parent
# Says its own process id and a grandchild's, then sleeps. Its standard output ends with both.
FAMILY = """
import signal, subprocess, sys
{before}
grandchild = subprocess.Popen([sys.executable, "-c", "{before}; import time; time.sleep(300)"])
print(grandchild.pid, flush=True)
grandchild.wait()
"""
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)"
# Starts one child as the demo would, with its standard output handed on.
STARTER = """
import sys
from scripts.children import Children, Stopped
try:
    with Children(grace_s=5) as children:
        child = children.start([sys.executable, "-c", sys.argv[1]])
        child.wait()
except Stopped:
    sys.exit(130)
"""


def family(*, deaf: bool = False) -> list[str]:
    return [sys.executable, "-c", FAMILY.format(before=DEAF if deaf else "")]


def start_family(children: Children, *, deaf: bool = False) -> subprocess.Popen[str]:
    """Start a child that has a child of its own, and wait until both run."""
    child = children.start(family(deaf=deaf), stdout=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stdout.readline().strip().isdigit()
    return child


def group_ends(leader: int) -> bool:
    """Return whether every process in the group of `leader` has ended or ends within 10 s."""
    return all(ends(process) for process in living_members(leader))


def living_members(leader: int) -> list[int]:
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except OSError:  # it ended while we looked
            continue
        if int(fields[2]) == leader and fields[0] != "Z":
            found.append(int(status.parent.name))
    return found


def ends(process: int) -> bool:
    """Return whether a process ends within 10 s; a killed one may still be on its way out."""
    try:
        handle = os.pidfd_open(process)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([handle], [], [], 10)[0])
    finally:
        os.close(handle)


@pytest.fixture
def starter() -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", STARTER, FAMILY.format(before="")],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    yield process
    process.kill()
    process.wait()
    assert process.stdout is not None
    process.stdout.close()


def test_leaving_the_block_ends_the_whole_family() -> None:
    with Children() as children:
        child = start_family(children)
    assert child.returncode == -signal.SIGTERM
    assert group_ends(child.pid)


def test_a_family_that_does_not_listen_is_killed() -> None:
    with Children(grace_s=0.1) as children:
        child = start_family(children, deaf=True)
    assert child.returncode == -signal.SIGKILL
    assert group_ends(child.pid)


def test_an_error_in_the_block_ends_the_children() -> None:
    started = []

    def fail() -> None:
        with Children() as children:
            started.append(start_family(children))
            raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        fail()
    assert group_ends(started[0].pid)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_starter_and_its_children(
    starter: subprocess.Popen[str], number: signal.Signals
) -> None:
    assert starter.stdout is not None
    grandchild = int(starter.stdout.readline())
    group = os.getpgid(grandchild)
    starter.send_signal(number)
    assert starter.wait(timeout=30) == 130
    assert group_ends(group)


def test_a_signal_while_a_child_is_being_started_is_not_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started = []
    real = subprocess.Popen

    def interrupted(*args: object, **options: object) -> subprocess.Popen[str]:
        child = real(*args, **options)  # type: ignore[call-overload]
        started.append(child)
        os.kill(os.getpid(), signal.SIGTERM)
        return child  # type: ignore[no-any-return]

    monkeypatch.setattr(subprocess, "Popen", interrupted)
    with pytest.raises(Stopped), Children() as children:
        children.start(family())
    assert [child.returncode for child in started] == [-signal.SIGTERM]


def test_the_former_signal_handlers_come_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with Children():
        assert signal.getsignal(signal.SIGTERM) != before
    assert signal.getsignal(signal.SIGTERM) == before
