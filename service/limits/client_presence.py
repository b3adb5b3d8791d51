"""Whether the client of a request is still there, told by its connection, not by a message waited for."""

from collections.abc import Callable


class ClientPresence:
    """One request's; in the request's state as `client_presence`, where the server has put it there."""

    __slots__ = ("_has_left", "_note_left")

    def __init__(self) -> None:
        self._has_left = False
        self._note_left: Callable[[], None] | None = None

    def watch(self, note_left: Callable[[], None]) -> None:
        """Have `note_left` called when the client leaves; now, if it has left."""
        self._note_left = note_left
        if self._has_left:
            note_left()

    def stop_watching(self) -> None:
        """Call nobody."""
        self._note_left = None

    def leave(self) -> None:
        """The client has left."""
        self._has_left = True
        if self._note_left is not None:
            self._note_left()
