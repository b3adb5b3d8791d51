"""One command for all of Graft: `graft train photos/` runs `python -m training.finetune photos/`, and so on.

Each command is the `main` of a module, which is imported only when it is asked for: serving needs none of
training's packages.
"""

import importlib
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import FrameType, ModuleType
from typing import Final

DISTRIBUTION: Final = "graft-classifier"
_INTERRUPTED: Final = 130


@dataclass(frozen=True, slots=True)
class Command:
    """A module that has a `main(argv, prog=…)` returning an exit code, and what it is for."""

    module: str
    summary: str


COMMANDS: Final = {
    "train": Command("training.finetune", "a folder of images to a published model"),
    "audit": Command("training.audit.__main__", "what is wrong with a folder of images"),
    "evaluate": Command("training.evaluate", "a model's figures on another folder"),
    "compare": Command("training.compare", "several models side by side on one folder"),
    "studio": Command("studio.__main__", "one page for all of it: look, correct, train, try"),
    "predict": Command("inference.__main__", "ask a model about files, without the service"),
    "serve": Command("service.__main__", "answer over HTTP for every model in models/"),
    "ask": Command("service.client_command", "ask a running service about a folder"),
    "alias": Command("inference.set_alias", "choose which version of a model answers by default"),
    "keys": Command("service.keys", "make an API key for the service"),
    "backbones": Command("training.backbones.__main__", "the pretrained networks to choose from"),
    "datasets": Command("training.datasets.__main__", "well-known data sets as folders"),
    "caches": Command("training.caches", "what training keeps for the next run; clear it"),
}


_OPTIONS: Final = ("--help", "--version")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    name = arguments[0] if arguments else "--help"
    if name in ("-h", "--help", "help"):
        print(_help())
        return 0
    if name == "--version":
        print(f"graft {_version()}")
        return 0
    command = COMMANDS.get(name)
    if command is None and name.startswith("-") and not get_close_matches(name, _OPTIONS):
        return _refuse(f"options follow a command, as in: {_program()} serve {name}")
    if command is None:
        return _refuse(f"{name!r} is no command of graft{_suggestion(name)}")
    try:
        module = _import(command.module)
    except ImportError as err:
        if err.name != "training":  # only a missing extra is the user's to mend
            raise
        return _refuse(str(err))
    exit_code: int = module.main(arguments[1:], prog=f"{_program()} {name}")
    return exit_code


def _import(module: str) -> ModuleType:
    """Import a command's module; Ctrl-C meanwhile ends the process: a library makes any error of it."""
    before = signal.signal(signal.SIGINT, _end_at_once)
    try:
        return importlib.import_module(module)
    finally:
        signal.signal(signal.SIGINT, before)


def _end_at_once(signum: int, frame: FrameType | None) -> None:
    os.write(2, b"stopped\n")
    os._exit(_INTERRUPTED)


def _program() -> str:
    """Return how this was started: as the installed command, or as a module."""
    return "python -m graft" if Path(sys.argv[0]).name == "__main__.py" else "graft"


def _help() -> str:
    lines = [f"  {name:<10} {command.summary}" for name, command in COMMANDS.items()]
    return "\n".join(
        [
            f"usage: {_program()} COMMAND …",
            "",
            "From a folder of images to a served classifier. "
            f"`{_program()} COMMAND --help` lists the options.",
            "",
            *lines,
            "",
            "  --version  print the version",
        ]
    )


def _version() -> str:
    try:
        return version(DISTRIBUTION)
    except PackageNotFoundError:  # run from a checkout
        from service import __version__

        return __version__


def _suggestion(name: str) -> str:
    close = get_close_matches(name, [*COMMANDS, *_OPTIONS], n=1)
    return f"; did you mean {close[0]}?" if close else f"; there are: {', '.join(COMMANDS)}"


def _refuse(message: str) -> int:
    print(f"error: {message}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
