"""The command lines of every package: refused in one sentence, with the option that was meant."""

import argparse
import re
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any, Final, NoReturn

from inference.errors import UsageError

# A negative number is a value, and so is what has a blank in it.
_OPTION: Final = re.compile(r"(--?[A-Za-z][^\s=]*)(=.*)?", re.DOTALL)
_REQUIRED: Final = "the following arguments are required: "
_TOO_MANY: Final = "unrecognized arguments: "


class OptionParser(argparse.ArgumentParser):
    """Raises `UsageError` where argparse prints its usage and exits; no option may be abbreviated."""

    def __init__(
        self,
        *,
        prog: str,
        description: str,
        usage: str | None = None,
        formatter_class: type[argparse.HelpFormatter] = argparse.HelpFormatter,
    ) -> None:
        super().__init__(
            prog=prog,
            usage=usage,
            description=description,
            formatter_class=formatter_class,
            allow_abbrev=False,
        )

    def parse_known_args(  # type: ignore[override]  # argparse's is overloaded by the namespace's type
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> tuple[Any, list[str]]:
        """Look for unknown options first: argparse would take what follows one for another argument.

        Raises:
            UsageError: the command line cannot be used.
            SystemExit: for `--help` and `--version`.
        """
        arguments = list(sys.argv[1:] if args is None else args)
        for argument in arguments:
            if argument == "--":
                break
            found = _OPTION.fullmatch(argument)
            if found and found[1] not in self._option_string_actions:
                self.error(self._unknown(found[1]))
        return super().parse_known_args(arguments, namespace)

    def error(self, message: str) -> NoReturn:
        """Refuse the command line.

        Raises:
            UsageError: always.
        """
        if message.startswith(_REQUIRED):
            message = f"{message.removeprefix(_REQUIRED)} missing; {self.prog} --help says more"
        if message.startswith(_TOO_MANY):
            more = message.removeprefix(_TOO_MANY)
            message = f"too many arguments: {more}; {self.prog} --help says which it takes"
        raise UsageError(message)

    def _unknown(self, given: str) -> str:
        options = [name for name in self._option_string_actions if name.startswith("--")]
        close = get_close_matches(f"--{given.lstrip('-').lower().replace('_', '-')}", options, n=1)
        return f"no option {given}; " + (
            f"did you mean {close[0]}?" if close else f"{self.prog} --help lists all"
        )


def positive_int(text: str) -> int:
    """Return the number of an option that counts something; for `type=` of `add_argument`.

    Raises:
        argparse.ArgumentTypeError: it is no whole number, or below 1.
    """
    if not (text.isascii() and text.isdigit() and len(text) <= 9 and int(text) > 0):
        raise argparse.ArgumentTypeError(f"must be a whole number of 1 or more, got {text!r}")
    return int(text)
