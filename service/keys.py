"""API keys as they are configured: in clear, or as a hash, so that no setting holds a secret.

`python -m service.keys` makes a key and prints both forms.
"""

import hashlib
import re
import secrets
import sys
from typing import Final

HASH_PREFIX: Final = "sha256:"
MIN_KEY_CHARS: Final = 8
_HASHED: Final = re.compile(r"sha256:[0-9a-f]{64}")
_KEY_BYTES: Final = 32


def key_digest(configured: str) -> bytes:
    """Return the SHA-256 of a configured key, given in clear or as `sha256:<hex>`.

    Raises:
        ValueError: a clear key is short, or a hash is none.
    """
    if configured.startswith(HASH_PREFIX):
        if _HASHED.fullmatch(configured) is None:
            raise ValueError("a hashed API key is 'sha256:' and 64 lower-case hex digits")
        return bytes.fromhex(configured.removeprefix(HASH_PREFIX))
    if len(configured) < MIN_KEY_CHARS:
        raise ValueError(f"an API key must have at least {MIN_KEY_CHARS} characters")
    return sent_digest(configured)


def sent_digest(key: str) -> bytes:
    """Return the SHA-256 of a key as a caller sends it: in clear, whatever it looks like."""
    return hashlib.sha256(key.encode("utf-8", errors="surrogateescape")).digest()


def hashed_form(key: str) -> str:
    """Return what may be configured in place of a key.

    Plain SHA-256 is enough for a random key, which nobody guesses; it is not for a password.
    """
    return HASH_PREFIX + sent_digest(key).hex()


def main() -> int:
    """Print a new key and its hash."""
    key = secrets.token_urlsafe(_KEY_BYTES)
    print(f"key for the caller:       {key}")  # noqa: T201
    print(f"for GRAFT_…_KEYS:         {hashed_form(key)}")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
