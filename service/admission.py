"""How much the service takes in at one time: images and bytes, counted before they are read."""

from collections.abc import Iterator
from contextlib import contextmanager

from service.errors import Overloaded


class Admission:
    """Counts what is between the first byte of a request and its answer, and refuses the rest."""

    def __init__(self, *, max_images: int, max_bytes: int) -> None:
        self._max_images = max_images
        self._max_bytes = max_bytes
        self.num_images = 0
        self.num_bytes = 0

    @contextmanager
    def admit(self) -> Iterator["Ticket"]:
        """Let a request in that holds at least one image; give its room back at the end.

        Raises:
            Overloaded: as many images are in the service as may be.
        """
        ticket = Ticket(self)
        ticket.add_images(1)
        try:
            yield ticket
        finally:
            ticket.give_back()

    def reserve(self, *, images: int, num_bytes: int) -> None:
        """Count images and bytes.

        Raises:
            Overloaded: they would go over a limit; nothing is counted then.
        """
        if self.num_images + images > self._max_images:
            raise Overloaded(
                f"{self.num_images} images are being answered, limit is {self._max_images}; "
                "send the request again"
            )
        if self.num_bytes + num_bytes > self._max_bytes:
            raise Overloaded(
                f"requests of {self.num_bytes:,} bytes are being answered, limit is "
                f"{self._max_bytes:,}; send the request again"
            )
        self.num_images += images
        self.num_bytes += num_bytes

    def release(self, *, images: int, num_bytes: int) -> None:
        """Take back what `reserve` counted."""
        self.num_images -= images
        self.num_bytes -= num_bytes


class Ticket:
    """The room that one request takes up."""

    def __init__(self, admission: Admission) -> None:
        self._admission = admission
        self._images = 0
        self._bytes = 0

    def add_images(self, count: int) -> None:
        """Take room for more images.

        Raises:
            Overloaded: there is none.
        """
        self._admission.reserve(images=count, num_bytes=0)
        self._images += count

    def add_bytes(self, count: int) -> None:
        """Take room for more bytes.

        Raises:
            Overloaded: there is none.
        """
        self._admission.reserve(images=0, num_bytes=count)
        self._bytes += count

    def give_back(self) -> None:
        """Give all room back; once, at the end."""
        self._admission.release(images=self._images, num_bytes=self._bytes)
