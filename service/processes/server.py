"""uvicorn, with the end that this service wants: drain, finish, exit code 0."""

import logging
import signal
import socket
import time
from functools import partial
from types import FrameType
from typing import Final

import uvicorn
from fastapi import FastAPI

from service.edge.cross_origin import refusal_headers
from service.processes.connections import ConnectionLimits, guarded_protocol, look_after_all
from service.processes.descriptors import affordable_connections
from service.processes.metrics_server import MetricsServer
from service.processes.process_end import ProcessEnd, end_at_once
from service.repository.process_memory import freeze_garbage_collector
from service.settings import Settings

logger = logging.getLogger(__name__)

_BACKLOG: Final = 2048
# When all is answered, what a thread still works at is for nobody.
_LEFT_BEHIND_S: Final = 0.5


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
    """On the first signal ready goes off, on the second the process ends at once.

    Between them the service goes on listening for the drain delay, so that a load balancer can turn
    away, and then finishes what it accepted; what is not finished within the grace is given up.
    """

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
        self._lifecycle = app.state.lifecycle
        self._metrics_server = (
            MetricsServer(app.state.metrics, metrics_listener) if metrics_listener else None
        )
        self._drain_delay_s = settings.drain_delay_s
        self._grace_s = settings.shutdown_grace_s
        self._end = ProcessEnd()
        self._listen_until: float | None = None
        self._unlogged_signal: signal.Signals | None = None

    def end_within_grace(self) -> None:
        """Give accepted requests the grace to finish, and no longer."""
        self._end.within(self._grace_s)

    def note_closed(self) -> None:
        """Take note that a connection has ended. Nothing is to be done here."""

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until told to stop, and then end within the grace."""
        self._end.start()
        super().run(sockets)
        self._end.within(_LEFT_BEHIND_S)

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
        """Take a signal. uvicorn's own way would raise it again at the end.

        Nothing is logged here: where the signal comes in the middle of a line that is being written,
        writing another fails, and the signal would be lost with it.
        """
        if self._listen_until is not None:
            end_at_once()
        self._lifecycle.draining = True
        self._listen_until = time.monotonic() + self._drain_delay_s
        self._end.within(self._drain_delay_s + self._grace_s)
        self._unlogged_signal = signal.Signals(sig)

    async def on_tick(self, counter: int) -> bool:
        """Return whether to stop listening."""
        if self._unlogged_signal is not None:
            logger.info("draining signal=%s", self._unlogged_signal.name)
            self._unlogged_signal = None
        look_after_all(self.server_state.connections)
        if self._metrics_server is not None:
            look_after_all(self._metrics_server.server_state.connections)
        if self._listen_until is not None and time.monotonic() >= self._listen_until:
            self.should_exit = True
        return await super().on_tick(counter)
