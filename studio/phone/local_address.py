"""The address of this machine in its local network."""

import ipaddress

from studio.access.own_address import own_address
from studio.errors import NotNow


def local_address() -> str:
    """Return the IPv4 address by which others of the local network reach this machine.

    Raises:
        NotNow: there is no network, or this machine is on the internet itself.
    """
    try:
        address = own_address()
    except OSError as err:
        raise NotNow("this machine is in no network; join the phone's Wi-Fi first") from err
    found = ipaddress.ip_address(address)
    if found.is_loopback or not found.is_private:
        raise NotNow(f"{address} is no address of a local network, so no phone is let in by it")
    return address
