"""The address from which this machine talks to others."""

import socket
from typing import Final

# Of networks for documentation (RFC 5737, RFC 3849). Nothing is sent to them: the system only says from which
# of its addresses it would be.
_ELSEWHERE: Final = {socket.AF_INET: "192.0.2.1", socket.AF_INET6: "2001:db8::1"}
ALL_ADDRESSES: Final = {"0.0.0.0": socket.AF_INET, "::": socket.AF_INET6}  # noqa: S104


def own_address(family: socket.AddressFamily = socket.AF_INET) -> str:
    """Return the address by which others reach this machine.

    Raises:
        OSError: it is in no network.
    """
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect((_ELSEWHERE[family], 9))
        address: str = probe.getsockname()[0]
    return address


def shown_host(host: str) -> str:
    """Return what stands in the printed address: nobody can open the one that means all addresses."""
    family = ALL_ADDRESSES.get(host)
    if family is None:
        return host
    try:
        return own_address(family)
    except OSError:  # in no network: by name, and from here
        return socket.gethostname()
