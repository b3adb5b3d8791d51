"""Connections handed from one process to several, here from one thread to others of the test."""

import asyncio
import socket
import threading
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest

from service.processes.dispatch import Dispatcher, HandedConnections


class ObservedDispatcher(Dispatcher):
    """A dispatcher that tells when it has read a worker's messages."""

    def __init__(self, listener: socket.socket) -> None:
        super().__init__(listener)
        self.has_read = threading.Condition()

    def _read_from(self, worker: socket.socket) -> None:
        super()._read_from(worker)
        with self.has_read:
            self.has_read.notify_all()

    @property
    def ready(self) -> set[socket.socket]:
        return set(self._held)


class Shop:
    """A dispatcher's address, and what its workers are given."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.dispatcher = ObservedDispatcher(self.listener)
        self.dispatcher.start()
        self._clients: list[socket.socket] = []

    def connect(self) -> socket.socket:
        client = socket.create_connection(self.listener.getsockname(), timeout=10)
        self._clients.append(client)
        return client

    def ready_worker(self) -> socket.socket:
        """Return the end of a worker that is known to be ready."""
        before = self.dispatcher.ready
        pair = self.dispatcher.add_worker()
        pair.settimeout(10)
        pair.send(b"r")
        with self.dispatcher.has_read:
            assert self.dispatcher.has_read.wait_for(lambda: self.dispatcher.ready - before, 10)
        return pair

    def close(self) -> None:
        self.dispatcher.close()
        self.listener.close()
        for client in self._clients:
            client.close()


@pytest.fixture
def shop() -> Iterator[Shop]:
    made = Shop()
    yield made
    made.close()


def take(pair: socket.socket) -> socket.socket:
    """Return the connection that a worker is given next."""
    _, (descriptor,), _, _ = socket.recv_fds(pair, 1, 1)
    return socket.socket(fileno=descriptor)


def is_given_nothing(pair: socket.socket) -> bool:
    pair.setblocking(False)
    try:
        socket.recv_fds(pair, 1, 1)
    except BlockingIOError:
        return True
    finally:
        pair.settimeout(10)
    return False


def test_connections_are_shared_evenly(shop: Shop) -> None:
    with shop.ready_worker() as first, shop.ready_worker() as second:
        for _ in range(4):
            shop.connect()
            shop.connect()
            take(first).close()
            take(second).close()


def test_who_has_ended_one_gets_the_next(shop: Shop) -> None:
    with shop.ready_worker() as first, shop.ready_worker() as second:
        for _ in range(2):
            shop.connect()
            shop.connect()
            with take(first), take(second):
                pass
        second.send(b"--")
        for _ in range(2):
            shop.connect()
            take(second).close()
        assert is_given_nothing(first)


def test_a_connection_waits_until_a_worker_is_ready(shop: Shop) -> None:
    with shop.dispatcher.add_worker() as pair:
        pair.settimeout(10)
        client = shop.connect()
        client.sendall(b"hello")
        assert is_given_nothing(pair)
        pair.send(b"r")
        with take(pair) as connection:
            assert connection.recv(5) == b"hello"


def test_a_worker_that_is_gone_gets_nothing_more(shop: Shop) -> None:
    gone, left = shop.ready_worker(), shop.ready_worker()
    with left:
        gone.close()
        for _ in range(3):
            shop.connect()
            take(left).close()


def test_a_connection_meant_for_a_worker_that_has_ended_waits_for_the_next(shop: Shop) -> None:
    with shop.ready_worker() as ending:
        ending.shutdown(socket.SHUT_RD)  # it takes nothing more, and has not been noticed to end
        client = shop.connect()
        client.sendall(b"hello")
        with shop.ready_worker() as left, take(left) as connection:
            assert connection.recv(5) == b"hello"


class Greeter(asyncio.Protocol):
    """Says hello and hangs up."""

    handed: HandedConnections

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        transport.write(b"hello")
        transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self.handed.note_closed()


def run(scenario: Callable[[], Coroutine[Any, Any, None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(30):
            await scenario()

    asyncio.run(bounded())


async def greeted(shop: Shop) -> bytes:
    reader, writer = await asyncio.open_connection(*shop.listener.getsockname())
    try:
        return await reader.read()
    finally:
        writer.close()
        await writer.wait_closed()


def test_a_worker_serves_what_it_is_handed_until_it_stops(shop: Shop) -> None:
    async def scenario() -> None:
        handed = HandedConnections(shop.dispatcher.add_worker(), Greeter)
        Greeter.handed = handed
        handed.start()
        assert [await greeted(shop) for _ in range(40)] == [b"hello"] * 40
        await handed.close()

    run(scenario)


def test_what_was_handed_over_before_the_end_is_served(shop: Shop) -> None:
    async def scenario() -> None:
        ours, theirs = socket.socketpair()
        handed = HandedConnections(theirs, Greeter)
        Greeter.handed = handed
        handed.start()
        clients = [socket.socketpair() for _ in range(3)]
        with ours:
            for _, connection in clients:
                with connection:
                    socket.send_fds(ours, [b"+"], [connection.fileno()])
            await handed.close()
            for client, _ in clients:
                with client:
                    client.setblocking(False)
                    assert await asyncio.get_running_loop().sock_recv(client, 5) == b"hello"

    run(scenario)


def test_a_worker_outlives_its_supervisors_socket(shop: Shop) -> None:
    async def scenario() -> None:
        ours, theirs = socket.socketpair()
        handed = HandedConnections(theirs, Greeter)
        handed.start()
        ours.close()
        await asyncio.sleep(0)  # the end is seen
        handed.note_closed()
        await handed.close()

    run(scenario)
