"""The image's HEALTHCHECK: exit code 0 if the service in this container is ready, else 1."""

import http.client
import os
import sys


def main() -> int:
    """Ask /health/ready; return the exit code."""
    port = os.environ.get("GRAFT_PORT", "")
    # What is no number was put there by Kubernetes and is no setting; see service/service_links.py.
    number = int(port) if port.isdigit() else 8000
    connection = http.client.HTTPConnection("127.0.0.1", number, timeout=4)
    try:
        connection.request("GET", "/health/ready")
        response = connection.getresponse()
        print(response.read(2048).decode("utf-8", "replace"))
        return 0 if response.status == http.client.OK else 1
    except (OSError, http.client.HTTPException) as err:
        print(f"no answer: {err}")
        return 1
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(main())
