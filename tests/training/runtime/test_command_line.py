"""What training's commands do with their own errors."""

import pytest

from training.errors import ConfigError
from training.runtime.command_line import run_command

pytestmark = pytest.mark.training


def test_an_error_of_trainings_is_a_message_and_exit_code_2(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def refuse() -> None:
        raise ConfigError("no such option")

    assert run_command(refuse) == 2
    assert capsys.readouterr().err == "error: no such option\n"
