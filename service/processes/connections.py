"""uvicorn's HTTP protocol with bounds that it does not have: on request heads and on connections.

What is refused here never becomes a request, so it is answered without the application.
"""

from asyncio import TimerHandle, Transport
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from service.errors import HeadTimeout, HeadTooLarge, ServiceError, TooManyConnections
from service.problems import kind_of, plain_response

RefusalHeaders = Callable[[Iterable[tuple[bytes, bytes]]], Mapping[str, str]]
# Of a body that the application has not taken yet.
_MAX_UNREAD_BYTES: Final = 256 * 2**10
# After an answer that did not wait for the whole body, so that the client gets to read it.
_LINGER_S: Final = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionLimits:
    """Bounds of connections and of what comes before a body."""

    max_connections: int
    max_head_bytes: int
    max_headers: int
    head_timeout_s: float


def guarded_protocol(
    limits: ConnectionLimits,
    note_refusal: Callable[[str], None],
    note_closed: Callable[[], None],
    refusal_headers: RefusalHeaders,
) -> type["GuardedProtocol"]:
    """Return a protocol for uvicorn.

    Args:
        limits: what is refused.
        note_refusal: gets the code of each refusal.
        note_closed: called when a connection has ended.
        refusal_headers: from the headers of a request that had come, those of its refusal.
    """
    members = {
        "limits": limits,
        "note_refusal": staticmethod(note_refusal),
        "note_closed": staticmethod(note_closed),
        "refusal_headers": staticmethod(refusal_headers),
    }
    return type("BoundGuardedProtocol", (GuardedProtocol,), members)


class GuardedProtocol(HttpToolsProtocol):
    """See the module; made by `guarded_protocol`."""

    limits: ClassVar[ConnectionLimits]
    note_refusal: ClassVar[Callable[[str], None]]
    note_closed: ClassVar[Callable[[], None]]
    refusal_headers: ClassVar[RefusalHeaders]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._timer: TimerHandle | None = None
        self._refused = False
        self._receiving = False
        self._num_heads = 0
        self._start_head()

    def _start_head(self) -> None:
        self._in_head = True
        self._head_bytes = 0
        self._num_headers = 0

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        """Refuse a connection too many; else wait for a request, not for ever."""
        super().connection_made(transport)
        if len(self.connections) > self.limits.max_connections:
            self._refuse(TooManyConnections("too many connections; try again in a moment"))
        else:
            self._arm(self.limits.head_timeout_s, self._end_head)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the timer."""
        self._disarm()
        super().connection_lost(exc)
        type(self).note_closed()

    def data_received(self, data: bytes) -> None:
        """Take bytes; those of a head are counted even before the parser has made sense of them."""
        if self._refused:
            return
        if self._in_head and self._timer is None:
            self._arm(self.limits.head_timeout_s, self._end_head)
        num_heads, was_in_head = self._num_heads, self._in_head
        super().data_received(data)
        if was_in_head and self._num_heads == num_heads and not self._refused:
            self._head_bytes += len(data)
            self._check_head()

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        self._start_head()
        self._receiving = True

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header, or refuse what has too many."""
        self._num_headers += 1
        if not self._refused and self._num_headers > self.limits.max_headers:
            self._refuse(HeadTooLarge(f"more than {self.limits.max_headers} headers; send fewer"))
        if not self._refused:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Begin the request, unless its head was refused."""
        if self._refused:
            return
        self._disarm()
        self._in_head = False
        self._num_heads += 1
        self._head_bytes = len(self.url) + sum(len(n) + len(v) + 4 for n, v in self.headers)
        self._check_head()
        if not self._refused:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body. uvicorn's own way stops reading at 64 KiB, within most photos."""
        if self._refused or self.cycle.response_complete:
            return
        self.cycle.body += body
        if len(self.cycle.body) > _MAX_UNREAD_BYTES:
            self.flow.pause_reading()
        self.cycle.message_event.set()

    def on_message_complete(self) -> None:
        """End the request; what comes next is the head of another."""
        self._receiving = False
        self._disarm()  # the client has sent what it said: no reason to close on it
        if self._refused:
            return
        self._start_head()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Let a client read the answer, but not go on with a body that nobody reads."""
        super().on_response_complete()
        if self._receiving and not self.transport.is_closing():
            self._arm(_LINGER_S, self.transport.close)

    def _check_head(self) -> None:
        if self._head_bytes > self.limits.max_head_bytes:
            self._refuse(
                HeadTooLarge(
                    f"address and headers are over {self.limits.max_head_bytes:,} bytes; send less"
                )
            )

    def _end_head(self) -> None:
        """The head did not come in time. One who said nothing at all is told nothing."""
        self._timer = None
        if self.transport.is_closing():
            return
        if self._head_bytes == 0:
            self.transport.close()
        else:
            self._refuse(HeadTimeout("the headers did not arrive in time; send them faster"))

    def _refuse(self, err: ServiceError) -> None:
        self._refused = True
        self._disarm()
        type(self).note_refusal(kind_of(err).code)
        if self.transport.is_closing():
            return
        # While an earlier request is being answered, this would be taken for its answer.
        if self.cycle is None or self.cycle.response_complete:
            headers = type(self).refusal_headers(self.headers or ())
            self.transport.write(plain_response(err, headers=headers))
        self.transport.close()

    def _arm(self, seconds: float, then: Callable[[], None]) -> None:
        self._disarm()
        self._timer = self.loop.call_later(seconds, then)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
