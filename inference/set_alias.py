"""Say which version of a model an alias means; "stable" is the one that answers where none is asked for.

    python -m inference.set_alias models/clothing stable 3
    python -m inference.set_alias models/clothing stable --remove

A running service follows within seconds. Exit code 0; 2 for a model, a version or an alias that is not
there or not allowed.
"""

import argparse
import sys
from pathlib import Path

from inference.command_line import run_command
from inference.find_package import find_model
from inference.names import parse_version
from inference.option_parser import OptionParser


def main(argv: list[str] | None = None, *, prog: str = "python -m inference.set_alias") -> int:
    """Run the command line; return the exit code."""
    return run_command(lambda: _run(_parser(prog).parse_args(argv)))


def _run(args: argparse.Namespace) -> None:
    repository, name = find_model(args.model)
    if args.remove:
        repository.remove_alias(name, args.alias)
    else:
        repository.set_alias(name, args.alias, args.version)
    print(f"version {repository.resolve(name)} of {name!r} is the default")


def _parser(prog: str) -> OptionParser:
    parser = OptionParser(prog=prog, description="Choose the version that an alias means.")
    parser.add_argument("model", type=Path, help="models/NAME")
    parser.add_argument("alias", help='such as "stable", the version that answers by default')
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("version", type=_version, nargs="?", help="a version's number")
    what.add_argument("--remove", action="store_true", help="remove the alias")
    return parser


def _version(text: str) -> int:
    number = parse_version(text)
    if number is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no version; write a number such as 3")
    return number


if __name__ == "__main__":
    sys.exit(main())
