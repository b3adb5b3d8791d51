"""The way to a client: how much it has taken of what was written, and whether it is still there."""

import asyncio
import socket
import struct
import sys
from collections.abc import Callable
from typing import Any, Final

if sys.platform != "win32":
    import fcntl
    import termios

_TCP_CLOSE: Final = 7
_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)


class ClientTransport(asyncio.Transport):
    """An event loop's transport, of which nothing is lost but what is written to a client that has left.

    uvloop raises an error there, in the middle of an answer: a client's leaving is no mistake of ours.
    """

    def __init__(self, transport: asyncio.Transport, note_left: Callable[[], None]) -> None:
        """Store the loop's transport; `note_left` is called when something could not be written."""
        super().__init__()
        self._transport = transport
        self._note_left = note_left
        self._written_bytes = 0
        self._waits_since: float | None = None
        self._taken_bytes = 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Write, if there is anybody to read it."""
        if self._transport.is_closing():
            self._note_left()
            return
        self._written_bytes += len(data)
        self._transport.write(data)

    def close(self) -> None:
        """Close when all that was written has been taken."""
        self._transport.close()

    def reset(self) -> None:
        """Close now; what was written is not kept for the client."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self._transport.abort()

    def is_closing(self) -> bool:
        """Return whether it is closed, or will be."""
        return self._transport.is_closing()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return what the loop's transport knows."""
        return self._transport.get_extra_info(name, default)

    def get_write_buffer_size(self) -> int:
        """Return how many bytes the kernel has not even room for."""
        return self._transport.get_write_buffer_size()

    def is_stalled(self, now: float, timeout_s: float, *, min_bytes_per_s: int) -> bool:
        """Return whether the client has taken less than that rate for so long; to be called at times."""
        if self._transport.get_write_buffer_size() == 0:
            self._waits_since = None
            return False
        taken_bytes = self._num_taken()
        enough = max(1.0, min_bytes_per_s * timeout_s)
        if self._waits_since is None or taken_bytes - self._taken_bytes >= enough:
            self._waits_since, self._taken_bytes = now, taken_bytes
        return now - self._waits_since >= timeout_s

    def _num_taken(self) -> int:
        """Return how many bytes the client's machine has acknowledged."""
        unsent_bytes = self._transport.get_write_buffer_size()
        return self._written_bytes - unsent_bytes - _bytes_in_kernel(self._socket.fileno())

    def is_reset(self) -> bool:
        """Return whether the client's machine has said that nobody is there; seen after a write."""
        if sys.platform != "linux":
            return False
        state = self._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)
        return state[0] == _TCP_CLOSE

    @property
    def _socket(self) -> socket.socket:
        found: socket.socket = self._transport.get_extra_info("socket")
        return found


def _bytes_in_kernel(descriptor: int) -> int:
    """Return how much of what the kernel was given has not been acknowledged; 0 where it does not tell."""
    if sys.platform == "win32":
        return 0
    try:
        packed = fcntl.ioctl(descriptor, termios.TIOCOUTQ, bytes(4))
    except OSError:
        return 0
    (found,) = struct.unpack("i", packed)
    return int(found)
