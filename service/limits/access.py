"""API keys: who may predict and who may administer."""

import functools
import hmac
import ipaddress
from collections.abc import Iterable
from typing import Final

from pydantic import SecretStr

from service.errors import AdminDisabled, KeyInsufficient, KeyRequired
from service.keys import key_digest, sent_digest

_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
# Of what a proxy names as an address and is none.
_MAX_NAME_CHARS: Final = 64


class Access:
    """Checks keys in constant time; keeps only their hashes.

    Without any key everyone may predict. Without an admin key nobody may administer. An admin key
    may do everything.
    """

    def __init__(self, *, api_keys: Iterable[SecretStr], admin_keys: Iterable[SecretStr]) -> None:
        self._api = _hashes(api_keys)
        self._admin = _hashes(admin_keys)

    def check_predict(self, key: str | None) -> None:
        """Let a caller predict.

        Raises:
            KeyRequired: keys are set and this is none of them.
        """
        if not self.may_predict(key):
            raise _key_required(key)

    def may_predict(self, key: str | None) -> bool:
        """Return whether a caller may predict, and so see what there is to predict with."""
        return not self._api or _is_one_of(key, (*self._api, *self._admin))

    def check_admin(self, key: str | None) -> None:
        """Let a caller administer.

        Raises:
            AdminDisabled: no admin key is set.
            KeyRequired: no key, or an unknown one.
            KeyInsufficient: a key that may only predict.
        """
        if not self._admin:
            raise AdminDisabled("admin calls are off; set GRAFT_ADMIN_KEYS to turn them on")
        if _is_one_of(key, self._admin):
            return
        if _is_one_of(key, self._api):
            raise KeyInsufficient("this API key may predict only; use an admin key")
        raise _key_required(key)

    def caller_id(self, key: str | None, address: str) -> str:
        """Return what tells one caller from another: a known key's hash, else the address.

        Of an IPv6 address only the network counts, for whoever has one has all addresses in it. An IPv4
        caller stays one caller where a proxy or a translator (RFC 6052) writes its address in IPv6.
        """
        if key is not None and _is_one_of(key, (*self._api, *self._admin)):
            return sent_digest(key).hex()
        return _host_or_network(address)


@functools.lru_cache(maxsize=1024)  # a client sends many requests
def _host_or_network(address: str) -> str:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address[:_MAX_NAME_CHARS]
    if parsed.version == 4:
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    if parsed in _NAT64:
        return str(ipaddress.IPv4Address(int(parsed) & 0xFFFFFFFF))
    return parsed.exploded[:19]


def _key_required(key: str | None) -> KeyRequired:
    what = "an API key is needed" if key is None else "this API key is not known"
    return KeyRequired(f"{what}; send 'Authorization: Bearer KEY' or 'X-API-Key: KEY'")


def _hashes(keys: Iterable[SecretStr]) -> tuple[bytes, ...]:
    return tuple(key_digest(key.get_secret_value()) for key in keys)


def _is_one_of(key: str | None, hashes: tuple[bytes, ...]) -> bool:
    if key is None:
        return False
    given = sent_digest(key)
    # No early exit: the time must not tell which key was nearly met.
    return sum(hmac.compare_digest(given, known) for known in hashes) > 0
