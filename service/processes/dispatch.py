"""Connections shared evenly among processes: one accepts them all and hands each to the least busy.

Left to themselves, processes that accept from one socket share connections by who is quickest, and the
kernel's own way by a hash: of sixteen clients one process may get twelve, and its core is the bottleneck.

Between the two a socket pair. Down it go connections, each with a byte; up it come `_READY` once and
`_CLOSED` for each connection that has ended.
"""

import asyncio
import contextlib
import logging
import selectors
import socket
import threading
import time
from collections.abc import Callable
from typing import Final

logger = logging.getLogger(__name__)

_CONNECTION: Final = b"+"
_READY: Final = b"r"
_CLOSED: Final = b"-"
_MAX_AT_ONCE: Final = 16
_READ_BYTES: Final = 4096
# Out of file descriptors: accepting again at once would only fail again.
_RECOVER_S: Final = 0.1
_WARN_EVERY_S: Final = 10.0


class Dispatcher:
    """Accepts connections in a thread of its own; see the module.

    A process gets connections from when it says that it is ready until its end of the pair is closed.
    While there is no such process, connections wait in the socket's backlog; one that was accepted for a
    process that had just ended waits here for the next.
    """

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        # How many connections each ready process holds; among equals the one first in order is next.
        self._held: dict[socket.socket, int] = {}
        self._pairs: set[socket.socket] = set()
        self._added: list[socket.socket] = []
        self._unplaced: list[socket.socket] = []
        self._closing = False
        self._here, self._wake = socket.socketpair()
        self._selector = selectors.DefaultSelector()
        self._thread = threading.Thread(target=self._run, name="dispatch", daemon=True)

    def start(self) -> None:
        """Begin to accept."""
        self._listener.setblocking(False)
        self._thread.start()

    def add_worker(self) -> socket.socket:
        """Return the end of a new pair that goes to a process; close it here once the process has it."""
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        self._pairs.add(ours)
        self._added.append(ours)
        self._wake.send(b"!")
        return theirs

    def close(self) -> None:
        """Accept no more. The listener stays as it is."""
        self._closing = True
        self._wake.send(b"!")
        self._thread.join()
        for ours in (self._here, self._wake, *self._pairs, *self._unplaced):
            ours.close()

    def _run(self) -> None:
        self._selector.register(self._here, selectors.EVENT_READ)
        while not self._closing:
            for key, _ in self._selector.select():
                if key.fileobj is self._here:
                    self._take_added()
                elif key.fileobj is self._listener:
                    self._accept()
                else:
                    assert isinstance(key.fileobj, socket.socket)
                    self._read_from(key.fileobj)
        self._selector.close()

    def _take_added(self) -> None:
        self._here.recv(_READ_BYTES)
        while self._added:
            self._selector.register(self._added.pop(), selectors.EVENT_READ)

    def _read_from(self, worker: socket.socket) -> None:
        """Take a process's messages about its connections, or that it is gone."""
        try:
            messages = worker.recv(_READ_BYTES)
        except ConnectionError:
            messages = b""
        if not messages:
            self._forget(worker)
        if _READY in messages:
            if not self._held:
                self._selector.register(self._listener, selectors.EVENT_READ)
            self._held[worker] = 0
        if worker in self._held:
            self._held[worker] -= messages.count(_CLOSED)
        if self._unplaced:
            self._place()

    def _forget(self, worker: socket.socket) -> None:
        self._selector.unregister(worker)
        self._pairs.discard(worker)
        worker.close()
        if self._held.pop(worker, None) is not None and not self._held:
            self._selector.unregister(self._listener)

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except (BlockingIOError, ConnectionError):
            return  # it has gone again
        except OSError as err:
            logger.error("cannot_accept reason=%s", err.strerror)
            time.sleep(_RECOVER_S)
            return
        self._place(connection)

    def _place(self, *accepted: socket.socket) -> None:
        """Hand connections over, those that wait first; keep what nobody takes."""
        waiting = (*self._unplaced, *accepted)
        self._unplaced = [held for held in waiting if not self._hand_over(held)]

    def _hand_over(self, connection: socket.socket) -> bool:
        """Give a connection to the process that holds the fewest, or to the next where that is gone.

        Return whether one took it; it is closed here then.
        """
        for worker in sorted(self._held, key=self._held.__getitem__):
            # A process that takes nothing has a full pipe; one that has ended is noticed soon.
            with contextlib.suppress(OSError):
                socket.send_fds(worker, [_CONNECTION], [connection.fileno()])
                self._held[worker] = self._held.pop(worker) + 1
                connection.close()
                return True
        return False


class HandedConnections:
    """A process's end of the pair. Belongs to one event loop."""

    def __init__(self, pair: socket.socket, serve: Callable[[], asyncio.Protocol]) -> None:
        """Store the pair and what makes the protocol of a connection."""
        self._pair = pair
        self._serve = serve
        self._starting: set[asyncio.Task[None]] = set()
        self._warned_at = -_WARN_EVERY_S

    def start(self) -> None:
        """Say that this process is ready, and serve what comes."""
        self._pair.setblocking(False)
        asyncio.get_running_loop().add_reader(self._pair, self._take)
        self._pair.send(_READY)

    def note_closed(self) -> None:
        """Say that a connection has ended."""
        # The supervisor is gone, or this process takes no more connections.
        with contextlib.suppress(OSError):
            self._pair.send(_CLOSED)

    async def close(self) -> None:
        """Take no more connections; those handed over before are begun."""
        while self._take():
            pass
        asyncio.get_running_loop().remove_reader(self._pair)
        self._pair.close()
        await asyncio.gather(*self._starting)

    def _take(self) -> bool:
        """Take the next connection; return whether there was one."""
        try:
            messages, descriptors, _, _ = socket.recv_fds(self._pair, _MAX_AT_ONCE, _MAX_AT_ONCE)
        except BlockingIOError:
            return False
        except ConnectionError:
            messages, descriptors = b"", []
        if not messages:  # the supervisor is gone
            asyncio.get_running_loop().remove_reader(self._pair)
        for descriptor in descriptors:
            task = asyncio.create_task(self._begin(socket.socket(fileno=descriptor)))
            self._starting.add(task)
            task.add_done_callback(self._starting.discard)
        # Out of file descriptors: the kernel has closed the connection, and only its byte arrives.
        for _ in range(len(messages) - len(descriptors)):
            self._note_lost()
        return bool(messages)

    def _note_lost(self) -> None:
        self.note_closed()
        now = time.monotonic()
        if now - self._warned_at >= _WARN_EVERY_S:
            self._warned_at = now
            logger.warning("connections_lost reason=out of file descriptors; raise 'ulimit -n'")

    async def _begin(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        try:
            await asyncio.get_running_loop().connect_accepted_socket(self._serve, connection)
        except OSError:  # it has gone again
            connection.close()
            self.note_closed()
