"""`/metrics` on a port of its own: for a Prometheus that has no key, and while the service is full.

In the process and the event loop that serve requests, for the numbers are there.
"""

import logging
import socket
from typing import Final

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from service.processes.connections import ConnectionLimits, guarded_protocol
from service.telemetry.prometheus import CONTENT_TYPE, ServiceMetrics

_LIMITS: Final = ConnectionLimits(
    max_connections=32,
    max_head_bytes=16 * 2**10,
    max_headers=100,
    head_timeout_s=10.0,
    write_timeout_s=10.0,
    min_bytes_per_s=8192,
)


class MetricsServer(uvicorn.Server):
    """Listens from `open` to `close`, beside a server that has the loop and the signals."""

    def __init__(self, metrics: ServiceMetrics, listener: socket.socket) -> None:
        protocol = guarded_protocol(
            _LIMITS, metrics.note_problem, lambda: None, lambda request_headers: {}
        )
        super().__init__(
            uvicorn.Config(
                _application(metrics),
                log_config=None,
                log_level=logging.WARNING,
                access_log=False,
                server_header=False,
                http=protocol,
                ws="none",
                lifespan="off",
                proxy_headers=False,
            )
        )
        self._listener = listener

    async def open(self) -> None:
        """Begin to listen."""
        self.config.load()
        self.lifespan = self.config.lifespan_class(self.config)
        await self.startup(sockets=[self._listener])

    async def close(self) -> None:
        """Finish what was asked, and listen no more."""
        await self.shutdown(sockets=[self._listener])


def _application(metrics: ServiceMetrics) -> Starlette:
    async def answer(request: Request) -> Response:
        return Response(metrics.render(), media_type=CONTENT_TYPE)

    return Starlette(routes=[Route("/metrics", answer)])
