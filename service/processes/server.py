"""uvicorn as this service runs it: its limits on connections, and its end (`graceful_shutdown.py`)."""

import logging
import socket
from functools import partial
from types import FrameType
from typing import Final

import uvicorn
from fastapi import FastAPI

from service.edge.cross_origin import refusal_headers
from service.processes.connections import ConnectionLimits, guarded_protocol, look_after_all
from service.processes.descriptors import affordable_connections
from service.processes.graceful_shutdown import GracefulShutdown
from service.processes.metrics_server import MetricsServer
from service.repository.process_memory import freeze_garbage_collector
from service.settings import Settings

_BACKLOG: Final = 2048


def bind(host: str, port: int) -> socket.socket:
    """Return a listening socket.

    Raises:
        OSError: the address is in use or is not one of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=_BACKLOG)


def _connection_limits(settings: Settings) -> ConnectionLimits:
    return ConnectionLimits(
        max_connections=affordable_connections(settings.max_connections),
        max_head_bytes=settings.max_head_bytes,
        max_headers=settings.max_headers,
        head_timeout_s=settings.head_timeout_s,
        write_timeout_s=settings.write_timeout_s,
        min_bytes_per_s=settings.min_body_bytes_per_s,
    )


class DrainingServer(uvicorn.Server):
    """Serves until a signal comes, and then ends in an orderly way with exit code 0."""

    def __init__(
        self, app: FastAPI, settings: Settings, metrics_listener: socket.socket | None = None
    ) -> None:
        """Store the application, and the socket where `/metrics` is open to everyone, if there is one."""
        config = uvicorn.Config(
            app,
            log_config=None,
            log_level=logging.WARNING,
            access_log=False,  # `observability.py` writes it, with the request id
            server_header=False,
            http=guarded_protocol(
                _connection_limits(settings),
                app.state.metrics.note_problem,
                self.note_closed,
                partial(refusal_headers, settings.cors_origins),
            ),
            ws="none",
            proxy_headers=False,  # the application does it; see `forwarded.py`
            timeout_keep_alive=settings.keep_alive_s,  # type: ignore[arg-type]  # fractions are fine
        )
        super().__init__(config)
        self.graceful_shutdown = GracefulShutdown(
            app.state.lifecycle,
            drain_delay_s=settings.drain_delay_s,
            grace_s=settings.shutdown_grace_s,
        )
        self._metrics_server = (
            MetricsServer(app.state.metrics, metrics_listener) if metrics_listener else None
        )

    def note_closed(self) -> None:
        """Take note that a connection has ended. Nothing is to be done here."""

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until told to stop, and then end within the grace."""
        self.graceful_shutdown.start()
        super().run(sockets)
        self.graceful_shutdown.note_all_answered()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the application, and listen."""
        freeze_garbage_collector()
        await super().startup(sockets)
        if self._metrics_server is not None:
            await self._metrics_server.open()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Finish what was accepted; how that goes can be seen to the end."""
        await super().shutdown(sockets)
        if self._metrics_server is not None:
            await self._metrics_server.close()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Take a signal. uvicorn's own way would raise it again at the end."""
        self.graceful_shutdown.take_signal(sig)

    async def on_tick(self, counter: int) -> bool:
        """Return whether to stop listening."""
        self.graceful_shutdown.log_signal()
        look_after_all(self.server_state.connections)
        if self._metrics_server is not None:
            look_after_all(self._metrics_server.server_state.connections)
        if self.graceful_shutdown.drain_delay_is_over:
            self.should_exit = True
        return await super().on_tick(counter)
