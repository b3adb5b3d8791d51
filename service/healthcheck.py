"""`python -m service.healthcheck`: exit code 0 if the service with these settings is ready, else 1.

The image's HEALTHCHECK. The port is where the service takes it from: `GRAFT_PORT`, or what the platform of
`GRAFT_CONTRACT` gives; the option `--port` is not seen here. Only a platform costs more imports than
the standard library's.
"""

import http.client
import os
import sys
from collections.abc import Mapping
from typing import Final

from service.service_links import given_settings

_USUAL_PORT: Final = 8000
# Listening on all addresses is listening on this machine's own.
_HOSTS: Final = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}  # noqa: S104


def main() -> int:
    """Ask /health/ready; return the exit code."""
    host, port = address(os.environ)
    connection = http.client.HTTPConnection(host, port, timeout=4)
    try:
        connection.request("GET", "/health/ready")
        response = connection.getresponse()
        print(response.read(2048).decode("utf-8", "replace"))  # noqa: T201
        return 0 if response.status == http.client.OK else 1
    except (OSError, http.client.HTTPException) as err:
        print(f"no answer from {host}:{port}: {err}")  # noqa: T201
        return 1
    finally:
        connection.close()


def address(environment: Mapping[str, str]) -> tuple[str, int]:
    """Return where the service listens that was started with these variables."""
    given = given_settings(environment, prefix="GRAFT_")
    contract = given.get("contract", "none")
    if contract != "none":
        from service.contracts import CONTRACTS

        if contract in CONTRACTS:
            given |= CONTRACTS[contract].settings(environment)
    host, port = given.get("host", ""), given.get("port", "")
    return _HOSTS.get(host, host), int(port) if port.isdigit() else _USUAL_PORT


if __name__ == "__main__":
    sys.exit(main())
