"""Variables that Kubernetes sets for a Service, told from settings of the same name.

In a namespace with a Service `graft` every pod gets `GRAFT_PORT=tcp://10.0.0.1:80`, `GRAFT_SERVICE_HOST` and
more, unless its `enableServiceLinks` is false; a Service `graft-metrics` brings `GRAFT_METRICS_PORT` so.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Final

_ADDRESS: Final = re.compile(r"(tcp|udp|sctp)://.*", re.IGNORECASE)
_NAME: Final = re.compile(
    r"(SERVICE_(HOST|PORT(_\w+)?)|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)$"
)


def service_links(environment: Mapping[str, str], *, prefix: str) -> frozenset[str]:
    """Return the names of the variables below `prefix` that are such links."""
    return frozenset(
        name
        for name, value in environment.items()
        if name.upper().startswith(prefix) and _is_link(name.upper(), value)
    )


def given_settings(environment: Mapping[str, str], *, prefix: str) -> dict[str, str]:
    """Return what the variables below `prefix` set, by the setting's name, as `Settings` reads them.

    A name counts in any case; an empty value, or one of Kubernetes', sets nothing.
    """
    links = {name.upper() for name in service_links(environment, prefix=prefix)}
    return {
        name.upper().removeprefix(prefix).lower(): value
        for name, value in environment.items()
        if value and name.upper().startswith(prefix) and name.upper() not in links
    }


def _is_link(name: str, value: str) -> bool:
    if name.endswith("_PORT") and _ADDRESS.fullmatch(value):
        return True
    return _NAME.search(name) is not None


def links_message(names: Iterable[str]) -> str:
    """Return why they were ignored, and how to be rid of them."""
    return (
        f"ignored {', '.join(sorted(names))}: set by Kubernetes for a Service of that name, no settings; "
        "enableServiceLinks: false in the pod keeps them out"
    )
