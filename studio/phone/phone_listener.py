"""A second listener, on the local network, that is opened on the person's word and closes by itself."""

import socket
import threading
import time
from dataclasses import dataclass
from typing import Final

import segno
import uvicorn

from studio.access.secret import PARAMETER, make_secret
from studio.errors import NotNow
from studio.phone.local_address import local_address
from studio.phone.phone_app import Ask, create_phone_app

OPEN_S: Final = 30 * 60.0
_MOST_AT_ONCE: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenDoor:
    """What is open: the model that is asked, the address with the key, and until when.

    `until_s` is of the monotonic clock.
    """

    model: str
    url: str
    until_s: float

    @property
    def left_s(self) -> float:
        """Seconds until it closes."""
        return max(0.0, self.until_s - time.monotonic())

    @property
    def qr_url(self) -> str:
        """The address as a QR code: a data URL of an SVG image."""
        code = segno.make_qr(self.url, error="m")
        url: str = code.svg_data_uri(scale=5, border=4, dark="#000", light="#fff")
        return url


class PhoneListener:
    """At most one is open at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._door: OpenDoor | None = None
        self._server: uvicorn.Server | None = None

    @property
    def door(self) -> OpenDoor | None:
        """What is open now."""
        door = self._door
        return door if door is not None and door.left_s > 0 else None

    def open(self, model: str, ask: Ask, *, seconds: float = OPEN_S) -> OpenDoor:
        """Listen, with a new key, in place of what was open before.

        Raises:
            NotNow: this machine is in no local network, or may not listen there.
        """
        self.close()
        with self._lock:
            address = local_address()
            try:
                listener = socket.create_server((address, 0))
            except OSError as err:
                raise NotNow(f"cannot listen on {address}: {err.strerror or err}") from err
            host, key = f"{address}:{listener.getsockname()[1]}", make_secret()
            door = OpenDoor(
                model=model,
                url=f"http://{host}/?{PARAMETER}={key}",
                until_s=time.monotonic() + seconds,
            )
            app = create_phone_app(ask, key=key, host=host, is_open=lambda: self.door is door)
            config = uvicorn.Config(
                app, log_level="warning", limit_concurrency=_MOST_AT_ONCE, lifespan="off"
            )
            self._door, self._server = door, uvicorn.Server(config)
            run = threading.Thread(
                target=self._server.run, kwargs={"sockets": [listener]}, name="phone", daemon=True
            )
            run.start()
            closing = threading.Timer(seconds, self._close_if, args=(door,))
            closing.daemon = True
            closing.start()
            return door

    def close(self) -> None:
        """Stop listening; the key is worth nothing from now on."""
        with self._lock:
            if self._server is not None:
                self._server.should_exit = True
            self._door = self._server = None

    def _close_if(self, door: OpenDoor) -> None:
        if self._door is door:
            self.close()
