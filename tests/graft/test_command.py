"""The command `graft`: finds the module behind a word, and says what is missing."""

import importlib

import pytest

from graft.__main__ import COMMANDS, main


@pytest.mark.training
def test_every_command_has_a_main_that_takes_arguments() -> None:
    for name, command in COMMANDS.items():
        module = importlib.import_module(command.module)
        with pytest.raises(SystemExit) as ended:
            module.main(["--help"])
        assert ended.value.code == 0, name


def test_a_word_runs_the_module_behind_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", "/nowhere/at/all", "photo.jpg"]) == 2
    assert "no package at '/nowhere/at/all'" in capsys.readouterr().err


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown and command.summary in shown for name, command in COMMANDS.items())


def test_a_mistyped_command_is_told_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trian", "photos"]) == 2
    assert "did you mean train?" in capsys.readouterr().err


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    from service import __version__

    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"graft {__version__}\n"
