"""What all commands do with errors, with Ctrl-C and with a reader that leaves."""

import subprocess
import sys

import pytest

from inference.command_line import run_command
from inference.errors import PackageError


def raising(error: BaseException) -> None:
    raise error


@pytest.mark.parametrize("error", [LookupError("no such option"), PackageError("no such model")])
def test_an_error_of_ours_is_a_message_and_exit_code_2(
    error: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(lambda: raising(error), refusals=(LookupError,)) == 2
    assert capsys.readouterr().err == f"error: {error}\n"


def test_an_error_that_nobody_thought_of_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError):
        run_command(lambda: raising(ZeroDivisionError()))


def test_ctrl_c_is_exit_code_130_with_the_commands_own_words(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code = run_command(lambda: raising(KeyboardInterrupt()), when_stopped=lambda _: "saved")
    assert code == 130
    assert capsys.readouterr().err == "saved\n"


def test_a_reader_that_leaves_ends_the_command_quietly() -> None:
    """As in `python -m training.backbones | head -1`: more than a pipe holds is never read."""
    code = (
        "import sys; from inference.command_line import run_command;"
        "sys.exit(run_command(lambda: [print('x' * 99) for _ in range(9_999)]))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(timeout=60) == 141
