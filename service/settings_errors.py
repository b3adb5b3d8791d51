"""What is wrong with the settings, in the words of whoever set the variables."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import ValidationError

from service.settings import ENV_PREFIX

# A mistyped key must not end in a log.
_SECRET: Final = frozenset({"api_keys", "admin_keys"})
_WORDS: Final[Mapping[str, str]] = {
    "int_parsing": "must be a whole number, without a unit",
    "int_from_float": "must be a whole number",
    "float_parsing": "must be a number, without a unit",
    "bool_parsing": "must be 1 or 0",
}


def settings_message(err: ValidationError) -> str:
    """Return each fault with its variable, and with its value where that is no secret."""
    return "; ".join(map(_line, err.errors(include_url=False)))


def _line(error: Mapping[str, Any]) -> str:
    message = error["msg"].removeprefix("Value error, ")
    if not error["loc"]:
        return str(message)
    name = str(error["loc"][0])
    variable = f"{ENV_PREFIX}{name.upper()}"
    words = _WORDS.get(error["type"], message.replace("Input should be", "must be"))
    if name in _SECRET or error["type"] == "value_error":
        return f"{variable}: {words}"
    return f"{variable} {words}, got {error['input']!r}{_quotes_hint(error['input'])}"


def _quotes_hint(value: object) -> str:
    quoted = isinstance(value, str) and value[:1] in ("'", '"')
    return "; the quotes are part of the value here, leave them out" if quoted else ""
