"""Several processes of the service behind one address: started, watched, replaced and ended together.

What they share lies in a folder of their own, which is gone with them: what operators asked of the
models (`operations.py`) and the numbers behind `/metrics`.
"""

import asyncio
import logging
import math
import os
import queue
import signal
import socket
import time
from types import FrameType
from typing import Final

import uvicorn
from fastapi import FastAPI
from prometheus_client.multiprocess import mark_process_dead
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors.multiprocess import Process

from service.app import create_app
from service.logs import configure_logging
from service.processes.dispatch import Dispatcher, HandedConnections
from service.processes.restart_pause import RestartPause
from service.processes.server import DrainingServer
from service.processes.worker_folder import in_use, remove_unused, worker_folder
from service.settings import Settings
from service.shared_folder import SharedFolder
from service.telemetry.prometheus import ServiceMetrics

logger = logging.getLogger(__name__)

# prometheus_client keeps its numbers in files where this is set before it is imported.
_METRICS_VARIABLE: Final = "PROMETHEUS_MULTIPROC_DIR"
_LOOK_EVERY_S: Final = 0.5
# ONNX Runtime holds the GIL while it creates a session; TensorRT does so for minutes.
_HUNG_AFTER_S: Final = 600.0
# Workers end by themselves when their grace has passed; one that cannot even do that is killed.
_KILL_AFTER_S: Final = 2.0


class WorkerServer(DrainingServer):
    """One process's server: ended by its supervisor, or because that is no more."""

    def __init__(
        self, app: FastAPI, settings: Settings, metrics_listener: socket.socket | None
    ) -> None:
        super().__init__(app, settings, metrics_listener)
        self._metrics: ServiceMetrics = app.state.metrics
        self._supervisor = os.getppid()
        self._handed: HandedConnections | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the application, and take connections from the supervisor's socket."""
        assert sockets is not None
        (pair,) = sockets
        await super().startup(sockets=[])
        self._handed = HandedConnections(pair, self._protocol)
        self._handed.start()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no more connections, and finish those there are."""
        if self._handed is not None:
            await self._handed.close()
        await super().shutdown(sockets=[])

    def note_closed(self) -> None:
        """Tell the supervisor that this process holds a connection less."""
        if self._handed is not None:
            self._handed.note_closed()

    def _protocol(self) -> asyncio.Protocol:
        return self.config.http_protocol_class(  # type: ignore[call-arg]
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Take a signal. Ctrl-C reaches every process of the terminal; the supervisor passes it on."""
        if sig != signal.SIGINT:
            super().handle_exit(sig, frame)

    async def on_tick(self, counter: int) -> bool:
        """Return whether to stop listening."""
        self._metrics.publish_load()
        if os.getppid() != self._supervisor:
            # Nobody could end it any more: a drain delay may be hours. What it holds it finishes.
            self.should_exit = True
            self.graceful_shutdown.end_within_grace()
        return await super().on_tick(counter)


class Worker(Process):
    """One process: as its supervisor sees it, and what it does there (`target`)."""

    def __init__(
        self,
        settings: Settings,
        shared: SharedFolder,
        pair: socket.socket,
        metrics_listener: socket.socket | None,
    ) -> None:
        """Store what it works with; `pair` is its end of what `Dispatcher.add_worker` made."""
        self._settings = settings
        self._shared = shared
        self._asked_at: float | None = None
        sockets = [pair] if metrics_listener is None else [pair, metrics_listener]
        super().__init__(uvicorn.Config("service.app:create_app", log_config=None), sockets)

    def target(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until told to stop; runs in the new process."""
        supervisor = os.getppid()
        configure_logging(self._settings.log_format, self._settings.log_level)
        app = create_app(self._settings, shared=self._shared)
        pair, *metrics_listeners = sockets or []
        metrics_listener = metrics_listeners[0] if metrics_listeners else None
        self._server = WorkerServer(app, self._settings, metrics_listener)
        with in_use(self._shared):
            super().target([pair])
        if os.getppid() != supervisor:
            remove_unused(self._shared.path)  # by the last of them

    def lives(self) -> bool:
        """Whether the process is there and has answered within `_HUNG_AFTER_S`. Waits for nothing.

        uvicorn's `is_alive` waits for the answer: while one process is busy nobody looks after the
        others, and one that dies before it answers would be waited for to the end.
        """
        if not self.process.is_alive():
            return False
        if self.parent_conn.poll():
            self.parent_conn.recv()
            self._asked_at = None
        if self._asked_at is None:
            self.parent_conn.send(b"ping")
            self._asked_at = time.monotonic()
        return time.monotonic() - self._asked_at < _HUNG_AFTER_S

    def send_signal(self, sig: int) -> None:
        """Send a signal, if the process is there."""
        if self.pid is not None and self.process.is_alive():
            os.kill(self.pid, sig)


class Supervisor:
    """Keeps `settings.workers` processes running until it is told to stop.

    A worker that dies takes with it only the requests that it held; another takes its place, at once
    or, where one after another dies, after a pause (`restart_pause.py`). The first signal lets all drain
    and finish, the second ends them at once.
    """

    def __init__(
        self,
        settings: Settings,
        listener: socket.socket,
        metrics_listener: socket.socket | None = None,
    ) -> None:
        """Store the sockets: for requests and, where that is one of its own, for `/metrics`."""
        self._settings = settings
        self._metrics_listener = metrics_listener
        self._dispatcher = Dispatcher(listener)
        self._workers: list[Worker] = []
        self._pauses = [RestartPause() for _ in range(settings.workers)]
        # The places whose worker died, and when another takes them.
        self._start_at: dict[int, float] = {}
        # Of all queues the one that a signal handler may put into.
        self._signals: queue.SimpleQueue[int] = queue.SimpleQueue()

    def run(self) -> int:
        """Return the exit code: 0 when it was told to stop, 1 when a worker could not start.

        Raises:
            NoWorkerFolder: they have nowhere to share what they must.
        """
        for sig in (signal.SIGTERM, signal.SIGINT):
            signal.signal(sig, self._take_signal)
        with worker_folder() as shared:
            os.environ[_METRICS_VARIABLE] = str(shared.metrics_dir)
            self._dispatcher.start()
            self._workers = [self._start(shared) for _ in range(self._settings.workers)]
            could_start = self._watch(shared)
            self._stop()
            self._dispatcher.close()
        return 0 if could_start else 1

    def _take_signal(self, sig: int, frame: FrameType | None) -> None:
        self._signals.put(sig)

    def _is_told_within(self, seconds: float) -> bool:
        """Wait for a signal; return whether one came."""
        try:
            self._signals.get(timeout=seconds)
        except queue.Empty:
            return False
        return True

    def _start(self, shared: SharedFolder) -> Worker:
        with self._dispatcher.add_worker() as pair:
            worker = Worker(self._settings, shared, pair, self._metrics_listener)
            worker.start()
        logger.info("worker_started pid=%s", worker.pid)
        return worker

    def _watch(self, shared: SharedFolder) -> bool:
        """Replace workers that die until a signal comes; False where one cannot even start."""
        while not self._is_told_within(_LOOK_EVERY_S):
            for index, worker in enumerate(self._workers):
                if not self._signals.empty():
                    break
                if index not in self._start_at and not worker.lives():
                    self._bury(index, shared)
                    if worker.exitcode == STARTUP_FAILURE:
                        return False
                if self._start_at.get(index, math.inf) <= time.monotonic():
                    del self._start_at[index]
                    self._pauses[index].note_started()
                    self._workers[index] = self._start(shared)
        return True

    def _bury(self, index: int, shared: SharedFolder) -> None:
        """Clear up after the worker of a place, and note when another is to start there."""
        worker = self._workers[index]
        worker.kill()
        worker.join()
        mark_process_dead(worker.pid, str(shared.metrics_dir))  # type: ignore[no-untyped-call]
        pause_s = self._pauses[index].after_death()
        self._start_at[index] = time.monotonic() + pause_s
        logger.error(
            "worker_died pid=%s exit_code=%s; another starts in %.0f s",
            worker.pid,
            worker.exitcode,
            pause_s,
        )

    def _stop(self) -> None:
        """Have all workers drain and finish; at a second signal, or too late, they end at once."""
        settings = self._settings
        self._send_all(signal.SIGTERM)
        kill_at = time.monotonic() + settings.drain_delay_s + settings.shutdown_grace_s
        while any(worker.process.is_alive() for worker in self._workers):
            if self._is_told_within(_LOOK_EVERY_S / 5):
                self._send_all(signal.SIGTERM)
                kill_at = time.monotonic()
            if time.monotonic() > kill_at + _KILL_AFTER_S:
                self._send_all(signal.SIGKILL)

    def _send_all(self, sig: int) -> None:
        for worker in self._workers:
            worker.send_signal(sig)
