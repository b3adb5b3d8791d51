"""API keys as they are configured: in clear, or as a hash, so that no setting holds a secret.

`python -m service.keys` makes a key and prints both forms.
"""

import hashlib
import json
import re
import secrets
import sys
from collections.abc import Sequence
from typing import Any, Final

from inference.errors import UsageError
from inference.option_parser import OptionParser

HASH_PREFIX: Final = "sha256:"
MIN_KEY_CHARS: Final = 8
_HASHED: Final = re.compile(r"sha256:[0-9a-f]{64}")
# What other programs write before a hash: SHA256:…, sha-512=…, {SSHA}…, $2b$….
_OTHER_HASH: Final = re.compile(
    r"(sha|md|blake)[-_]?\d\w*([-_/]\d+)?[:=$]|(bcrypt|scrypt|argon2|pbkdf2)\w*[-:=$_]|[{]\w+[}]|[$]\w+[$]",
    re.IGNORECASE,
)
_QUOTES: Final = "\"'"
_KEY_BYTES: Final = 32


def split_keys(setting: str) -> Any:
    """Return the keys of a setting: comma separated, or what a JSON list holds.

    Quotes around all of it or around one key are no part of a key: a shell takes them away, the readers of
    env files (`docker run --env-file`, systemd, Kubernetes) do not all do.

    Raises:
        ValueError: what begins like a JSON list is none.
    """
    setting = _unquoted(setting.strip())
    if setting.startswith("["):
        try:
            return json.loads(setting)
        except ValueError as err:
            raise ValueError("the value begins with '[' but is no JSON list") from err
    return [key for part in setting.split(",") if (key := _unquoted(part.strip()))]


def key_digest(configured: str) -> bytes:
    """Return the SHA-256 of a configured key, given in clear or as `sha256:<hex>`.

    Raises:
        ValueError: a clear key is short or cannot be sent, or a hash is none or of another form.
    """
    if configured.startswith(HASH_PREFIX):
        if _HASHED.fullmatch(configured) is None:
            raise ValueError("a hashed API key is 'sha256:' and 64 lower-case hex digits")
        return bytes.fromhex(configured.removeprefix(HASH_PREFIX))
    if len(configured) < MIN_KEY_CHARS:
        raise ValueError(f"an API key must have at least {MIN_KEY_CHARS} characters")
    # Taken for a key in clear, what everybody may read would open the service, and the real key would not.
    if _OTHER_HASH.match(configured):
        raise ValueError(
            "an API key begins like a hash of another form; "
            "a hashed one is 'sha256:' and 64 lower-case hex digits"
        )
    if configured[:1] in _QUOTES or configured[-1:] in _QUOTES:
        raise ValueError("an API key begins or ends with a quote; leave quotes out")
    if any(char.isspace() for char in configured):
        raise ValueError("an API key has a blank in it, with which none can be sent")
    # Of other characters a header has no one form: some programs send them as Latin-1, others as UTF-8.
    if not (configured.isascii() and configured.isprintable()):
        raise ValueError("an API key has characters that are no ASCII; choose another")
    return sent_digest(configured)


def sent_digest(key: str) -> bytes:
    """Return the SHA-256 of a key as a caller sends it: in clear, whatever it looks like."""
    return hashlib.sha256(key.encode("utf-8", errors="surrogateescape")).digest()


def hashed_form(key: str) -> str:
    """Return what may be configured in place of a key.

    Plain SHA-256 is enough for a random key, which nobody guesses; it is not for a password.
    """
    return HASH_PREFIX + sent_digest(key).hex()


def _unquoted(text: str) -> str:
    """Return text without the quotes around it, where they belong to each other and there are no others."""
    quote = text[:1]
    if len(text) > 1 and quote in _QUOTES and text.endswith(quote) and text.count(quote) == 2:
        return text[1:-1].strip()
    return text


def main(argv: Sequence[str] | None = None, *, prog: str = "python -m service.keys") -> int:
    """Print a new key and its hash."""
    parser = OptionParser(
        prog=prog,
        description="Make an API key: in clear for the caller, as a hash for GRAFT_API_KEYS or "
        "GRAFT_ADMIN_KEYS. Nothing is stored.",
    )
    try:
        parser.parse_args(argv)
    except UsageError as err:
        print(f"error: {err}", file=sys.stderr)  # noqa: T201
        return 2
    key = secrets.token_urlsafe(_KEY_BYTES)
    print(f"key for the caller:       {key}")  # noqa: T201
    print(f"for GRAFT_…_KEYS:         {hashed_form(key)}")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
