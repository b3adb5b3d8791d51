"""An argument parser that refuses in one sentence, with the option that was meant."""

import argparse
from difflib import get_close_matches
from typing import NoReturn

from training.errors import ConfigError

_UNKNOWN = "unrecognized arguments: "


class OptionParser(argparse.ArgumentParser):
    """Raises `ConfigError` where argparse prints its usage and exits; no option may be abbreviated."""

    def __init__(self, *, prog: str, description: str, usage: str | None = None) -> None:
        super().__init__(prog=prog, usage=usage, description=description, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        """Refuse the command line.

        Raises:
            ConfigError: always.
        """
        if message.startswith(_UNKNOWN):
            message = self._unknown(message.removeprefix(_UNKNOWN).split()[0])
        raise ConfigError(message)

    def _unknown(self, given: str) -> str:
        options = [name for name in self._option_string_actions if name.startswith("--")]
        name = given.partition("=")[0]
        close = get_close_matches(name, options, n=1)
        return f"no option {name!r}; " + (
            f"did you mean {close[0]}?" if close else f"{self.prog} --help lists all"
        )
