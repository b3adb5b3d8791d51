"""Ctrl-C at any moment ends a command with one sentence and exit code 130."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from training.interrupts import Interruptible, stopped_words

pytestmark = pytest.mark.training


@pytest.mark.parametrize("library", ["numpy.linalg", "onnxruntime", "training.config"])
@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_while_libraries_are_imported(library: str, signum: int, tmp_path: Path) -> None:
    """Python prints what it has imported, so that the signal comes in the midst of it."""
    command = [sys.executable, "-X", "importtime", "-m", "training.finetune", str(tmp_path)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert any(library in line for line in process.stderr)
        process.send_signal(signum)
        rest = [line for line in process.stderr if not line.startswith("import time:")]
        process.wait()
    # Where it came after the last import, the folder was refused before it: there is nothing in it.
    if process.returncode != 2:
        assert (process.returncode, rest) == (130, ["stopped; nothing was published\n"])


def test_a_dry_run_has_nothing_to_publish() -> None:
    assert "published" not in stopped_words(["finetune", "photos", "--dry-run"])
    assert "published" in stopped_words(["finetune", "photos"])


def test_what_a_library_makes_of_it_is_an_interruption_all_the_same() -> None:
    """A module in the middle of being imported says that it cannot be."""

    def import_it() -> None:
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt as err:
            raise ImportError("initialization failed") from err

    with pytest.raises(KeyboardInterrupt), Interruptible():
        import_it()


def test_an_error_without_an_interruption_stays_what_it_is() -> None:
    with pytest.raises(ImportError), Interruptible():
        raise ImportError("no such thing")


def test_what_a_callback_swallows_comes_again() -> None:
    class Swallows:
        def __del__(self) -> None:
            signal.raise_signal(signal.SIGINT)

    def work() -> None:
        Swallows()
        threading.Event().wait(600)

    with pytest.raises(KeyboardInterrupt), Interruptible():
        work()


def test_the_handlers_of_before_are_back() -> None:
    before = signal.getsignal(signal.SIGINT)
    with Interruptible():
        assert signal.getsignal(signal.SIGINT) != before
    assert signal.getsignal(signal.SIGINT) is before


def test_a_second_one_ends_it_whatever_is_being_tidied_up() -> None:
    code = (
        "import signal, time\n"
        "from training.interrupts import Interruptible\n"
        "with Interruptible():\n"
        "    try:\n"
        "        signal.raise_signal(signal.SIGINT)\n"
        "    finally:\n"
        "        print('tidying', flush=True)\n"
        "        time.sleep(600)\n"
    )
    command = [sys.executable, "-c", code]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "tidying\n"
        os.kill(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (130, "stopped at once\n")
