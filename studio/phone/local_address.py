"""The address of this machine in its local network."""

import ipaddress
import socket

from studio.errors import NotNow

# Of a network for documentation (RFC 5737). Nothing is sent to it: the system only says from which of its
# addresses it would be.
_ELSEWHERE = ("192.0.2.1", 9)


def local_address() -> str:
    """Return the IPv4 address by which others of the local network reach this machine.

    Raises:
        NotNow: there is no network, or this machine is on the internet itself.
    """
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect(_ELSEWHERE)
            address: str = probe.getsockname()[0]
    except OSError as err:
        raise NotNow("this machine is in no network; join the phone's Wi-Fi first") from err
    found = ipaddress.ip_address(address)
    if found.is_loopback or not found.is_private:
        raise NotNow(f"{address} is no address of a local network, so no phone is let in by it")
    return address
