"""The command `graft`: finds the module behind a word, and says what is missing."""

import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from graft.__main__ import COMMANDS, main


@pytest.mark.training
def test_every_command_has_a_main_that_takes_arguments() -> None:
    for name, command in COMMANDS.items():
        module = importlib.import_module(command.module)
        with pytest.raises(SystemExit) as ended:
            module.main(["--help"])
        assert ended.value.code == 0, name


@pytest.mark.training
@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_called_in_its_help_as_it_was_called(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["/usr/bin/graft"])
    with pytest.raises(SystemExit):
        main([name, "--help"])
    assert capsys.readouterr().out.startswith(f"usage: graft {name} ")
    with pytest.raises(SystemExit):
        importlib.import_module(COMMANDS[name].module).main(["--help"])
    module = COMMANDS[name].module.removesuffix(".__main__").replace("_command", "")
    assert capsys.readouterr().out.startswith(f"usage: python -m {module} ")


@pytest.mark.training
@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_refuses_a_mistyped_option_in_one_line(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([name, "--hepl", "1"]) == 2
    assert capsys.readouterr().err == "error: no option --hepl; did you mean --help?\n"


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
    assert main(["--versoin"]) == 2
    assert "did you mean --version?" in capsys.readouterr().err


def test_an_option_without_a_command_is_told_where_it_goes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["--port", "9000"]) == 2
    assert "serve --port" in capsys.readouterr().err


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    from service import __version__

    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"graft {__version__}\n"


def test_ctrl_c_while_a_command_is_imported_ends_quietly(tmp_path: Path) -> None:
    """A library may make any error of it."""
    (tmp_path / "slow.py").write_text(
        "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\nraise RuntimeError\n"
    )
    program = (
        "import graft.__main__ as graft; "
        "graft.COMMANDS['train'] = graft.Command('slow', ''); graft.main(['train'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), os.getcwd()])},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (130, "stopped\n")
