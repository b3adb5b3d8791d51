"""uvicorn's HTTP protocol with bounds that it does not have: on request heads and on connections.

What is refused here never becomes a request, so it is answered without the application.
"""

import time
from asyncio import TimerHandle, Transport
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, ClassVar, Final

import httptools
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from service.errors import (
    HeadTimeout,
    HeadTooLarge,
    MalformedBody,
    MalformedRequest,
    ServiceError,
    TooManyConnections,
)
from service.limits.client_presence import ClientPresence
from service.problems import kind_of, plain_response
from service.processes.client_transport import ClientTransport
from service.processes.upgrade_offers import head_without_offer

RefusalHeaders = Callable[[Iterable[tuple[bytes, bytes]]], Mapping[str, str]]
# Of a body that the application has not taken yet.
_MAX_UNREAD_BYTES: Final = 256 * 2**10
# Requests of one connection that wait for the answer of an earlier one.
_MAX_PIPELINED: Final = 32
# Pieces of a body cost time each: so many are free, the others must have so many bytes on average.
_FREE_PIECES: Final = 100_000
_MIN_PIECE_BYTES: Final = 64
# After an answer that did not wait for the whole body, so that the client gets to read it.
_LINGER_S: Final = 2.0
# One who sends no more may have left: after so long without an answer it is found out.
_ASK_AFTER_S: Final = 0.3
# When the service ends, for the request of one who has just come: it may be on its way.
_LAST_REQUEST_S: Final = 1.0
# Where all connections are taken, one without a request for so long is closed for the next.
_MAKE_ROOM_AFTER_S: Final = 1.0
_ANSWER_TIMEOUT: Final = "answer_timeout"
_STILL_AT_IT: Final = b"HTTP/1.1 102 Processing\r\n\r\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionLimits:
    """Bounds of connections, of what comes beside bodies, and of how slowly answers are taken."""

    max_connections: int
    max_head_bytes: int
    max_headers: int
    head_timeout_s: float
    write_timeout_s: float
    min_bytes_per_s: int


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


def look_after_all(connections: Iterable[object]) -> None:
    """End those whose clients take too little of their answers, or have left; to be called at times."""
    now = time.monotonic()
    for connection in list(connections):
        if isinstance(connection, GuardedProtocol):
            connection.look_after(now)


class GuardedProtocol(HttpToolsProtocol):
    """See the module; made by `guarded_protocol`."""

    limits: ClassVar[ConnectionLimits]
    note_refusal: ClassVar[Callable[[str], None]]
    note_closed: ClassVar[Callable[[], None]]
    refusal_headers: ClassVar[RefusalHeaders]

    transport: ClientTransport

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._timer: TimerHandle | None = None
        self._refused = False
        # Between the end of a head and the end of its body.
        self._receiving = False
        # The request that is being answered; `cycle` is the one that came last.
        self._in_progress: RequestResponseCycle | None = None
        self._offers_upgrade = False
        # Bytes, since the parser last made something of them: of a head, a trailer or between chunks.
        self._pending_bytes = 0
        self._num_events = 0
        self._client_ended_at: float | None = None
        # Since when no request has come, where none is under way.
        self._waiting_since: float | None = time.monotonic()
        self._ending = False
        self._start_head()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._in_progress = cycle
        cycle.scope["state"]["client_presence"] = ClientPresence()
        super()._start_asgi_task(cycle, app)

    def _start_head(self) -> None:
        self._in_head = True
        self._head_begun = False
        self._num_headers = 0
        self._num_pieces = 0
        self._body_bytes = 0

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        """Refuse a connection too many; else wait for a request, not for ever."""
        super().connection_made(transport)
        self.transport = ClientTransport(transport, self._note_left)
        if len(self.connections) > self.limits.max_connections and not self._make_room():
            self._refuse(TooManyConnections("too many connections; try again in a moment"))
        else:
            self._arm(self.limits.head_timeout_s, self._end_head)

    def _make_room(self) -> bool:
        """Close the connection on which no request has come for longest; return whether there was one."""
        waiting = [
            (connection._waiting_since, connection)
            for connection in self.connections
            if isinstance(connection, GuardedProtocol)
            and connection._waiting_since is not None
            and not connection.transport.is_closing()
        ]
        since, longest = min(waiting, key=itemgetter(0))  # this one is among them
        if time.monotonic() - since < _MAKE_ROOM_AFTER_S:
            return False
        longest.transport.close()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the timer."""
        self._disarm()
        self._note_left()
        if self._in_progress is not None:  # uvicorn tells the latest request alone
            self._in_progress.disconnected = True
            self._in_progress.message_event.set()
            self._in_progress.scope["state"]["client_presence"].leave()
        super().connection_lost(exc)
        type(self).note_closed()

    def shutdown(self) -> None:
        """Close what is idle, but let one who has just come ask once; proxies take a reset for a 502."""
        if self._in_progress is None and not self._refused:
            self._ending = True
            self._arm(_LAST_REQUEST_S, self.transport.close)
        else:
            super().shutdown()

    def eof_received(self) -> bool | None:  # type: ignore[override]
        """Answer a client that has sent its request and only listens now; it may have left, too."""
        if self.cycle is None or self.cycle.response_complete or self.cycle.more_body:
            return None  # close
        self.cycle.keep_alive = False
        self._client_ended_at = time.monotonic()
        return True

    def data_received(self, data: bytes) -> None:
        """Take bytes; count those that the parser has not made sense of yet."""
        if self._refused:
            self.flow.pause_reading()  # which each answer before the end takes back
            return
        self._unset_keepalive_if_required()
        if self._in_head and self._timer is None:
            self._arm(self.limits.head_timeout_s, self._end_head)
        num_events = self._num_events
        self._feed(data)
        if self._num_events == num_events and not self._refused:
            self._pending_bytes += len(data)
            self._check_head(self._pending_bytes)

    def _feed(self, data: bytes) -> None:
        waiting = [memoryview(data)]
        while waiting and not self._refused:
            piece = waiting.pop()
            try:
                self.parser.feed_data(piece)
            except httptools.HttpParserUpgrade as offer:
                # The parser has left the body out. An offer may be passed over: RFC 9110, 7.8.
                waiting += [piece[offer.args[0] :], memoryview(self._begin_again())]
            except httptools.HttpParserError:
                self._refuse(MalformedRequest("this is no HTTP/1.1 request"))

    def _begin_again(self) -> bytes:
        """Return the head that was parsed last, without its offer, and a parser to read it."""
        if not self._offers_upgrade:
            self._refuse(MalformedRequest("CONNECT is for proxies"))
            return b""
        self._offers_upgrade = False
        method, version = self.parser.get_method(), self.parser.get_http_version()
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn does
        return head_without_offer(method, self.url, version, self.headers)

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        self._start_head()
        self._head_begun = True

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header, or refuse what has too many. Those that follow a body are not kept."""
        self._num_headers += 1
        if not self._refused and self._num_headers > self.limits.max_headers:
            self._refuse(HeadTooLarge(f"more than {self.limits.max_headers} headers; send fewer"))
        if not self._refused and self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Begin the request, unless its head was refused."""
        if self._refused:
            return
        if self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT":
            self._offers_upgrade = True
            return
        self._note_event()
        self._check_head(len(self.url) + sum(len(n) + len(v) + 4 for n, v in self.headers))
        if len(self.pipeline) >= _MAX_PIPELINED:
            self._refuse(TooManyConnections("too many requests wait for earlier answers"))
        if not self._refused:
            self._disarm()
            self._in_head = False
            self._receiving = True
            self._waiting_since = None
            super().on_headers_complete()
            if self._ending:
                self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body. uvicorn's own way stops reading at 64 KiB, within most photos."""
        if self._refused:
            return
        self._note_event()
        self._num_pieces += 1
        self._body_bytes += len(body)
        if self._num_pieces > _FREE_PIECES + self._body_bytes // _MIN_PIECE_BYTES:
            self._refuse(MalformedBody("the body comes in pieces of a few bytes; send larger ones"))
        if self._refused or self.cycle.response_complete:
            return
        self.cycle.body += body
        if len(self.cycle.body) > _MAX_UNREAD_BYTES:
            self.flow.pause_reading()
        self.cycle.message_event.set()

    def on_message_complete(self) -> None:
        """End the request; what comes next is the head of another."""
        if self._refused or self._offers_upgrade:
            return
        self._note_event()
        self._receiving = False
        self._disarm()  # the client has sent what it said: no reason to close on it
        self._start_head()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Let a client read the answer, but not go on with a body that nobody reads."""
        super().on_response_complete()
        if self.transport.is_closing():
            return
        if self.cycle.response_complete:
            self._waiting_since = time.monotonic()
        if self._receiving and self.cycle.response_complete:
            self._arm(_LINGER_S, self.transport.close)
        elif self._in_head and self._head_begun:
            self._unset_keepalive_if_required()  # the head's own time counts

    def look_after(self, now: float) -> None:
        """See `look_after_all`; `now` is of `time.monotonic`."""
        if self.transport.is_stalled(
            now, self.limits.write_timeout_s, min_bytes_per_s=self.limits.min_bytes_per_s
        ):
            type(self).note_refusal(_ANSWER_TIMEOUT)
            self.transport.reset()
        elif self._client_ended_at is not None and not self.cycle.response_complete:
            self._check_presence(now)

    def _check_presence(self, now: float) -> None:
        """Whether somebody listens shows when something is sent; this is what a client must pass over."""
        assert self._client_ended_at is not None
        if self.transport.is_reset():
            self.transport.reset()
        elif now - self._client_ended_at >= _ASK_AFTER_S:
            self._client_ended_at = float("inf")  # asked once
            if not (self.pipeline or self.cycle.response_started or self._speaks_http_1_0()):
                self.transport.write(_STILL_AT_IT)

    def _speaks_http_1_0(self) -> bool:
        return self.cycle.scope["http_version"] == "1.0"

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP, in the form of all other refusals."""
        self._refuse(MalformedRequest(msg))

    def _note_event(self) -> None:
        self._num_events += 1
        self._pending_bytes = 0

    def _note_left(self) -> None:
        """Let the log know of an answer that nobody got."""
        if self._in_progress is not None and not self._in_progress.response_complete:
            self._in_progress.scope["state"]["client_left"] = True

    def _check_head(self, num_bytes: int) -> None:
        if num_bytes > self.limits.max_head_bytes:
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
        if self._head_begun:
            self._refuse(HeadTimeout("the headers did not arrive in time; send them faster"))
        else:
            self.transport.close()

    def _refuse(self, err: ServiceError) -> None:
        """Answer with an error and close; requests before this one are answered first."""
        self._refused = True
        self._disarm()
        type(self).note_refusal(kind_of(err).code)
        if self.transport.is_closing():
            return
        cycle = self.cycle
        if cycle is not None and not (cycle.response_complete or self._receiving):
            cycle.keep_alive = False  # an earlier one, and the last to be answered
            return
        # What has been begun, or is not this one's turn, cannot be answered otherwise.
        if (
            cycle is None
            or cycle.response_complete
            or not (cycle.response_started or self.pipeline)
        ):
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
