"""`python -m service.healthcheck`: exit code 0 if the service with these settings is ready, else 1.

The image's HEALTHCHECK. The port is where the service takes it from: `GRAFT_PORT`, or what the platform of
`GRAFT_CONTRACT` gives. Only the latter costs more imports than the standard library's.
"""

import http.client
import os
import sys
from collections.abc import Mapping
from typing import Final

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
    given = {name: environment.get(f"GRAFT_{name.upper()}", "") for name in ("host", "port")}
    contract = environment.get("GRAFT_CONTRACT", "none")
    if contract not in ("", "none"):
        from service.contracts import CONTRACTS

        if contract in CONTRACTS:
            given |= CONTRACTS[contract].settings(environment)
    # What is no number was put there by Kubernetes and is no setting; see `service_links.py`.
    port = int(given["port"]) if given["port"].isdigit() else _USUAL_PORT
    return _HOSTS.get(given["host"], given["host"]), port


if __name__ == "__main__":
    sys.exit(main())
