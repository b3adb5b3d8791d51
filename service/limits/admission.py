"""How much the service takes in at one time: images, bytes, and what it can answer in time."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from service.errors import Overloaded
from service.limits.throughput import Clock, Throughput

# A wait predicted from an average is sometimes longer; that must not cost the deadline.
_USABLE_SHARE: Final = 0.7


class Admission:
    """Counts what is between the first byte of a request and its answer, and refuses the rest.

    A request is refused where there is no room, and where its model, at the throughput of the last
    seconds, would answer it after its deadline. The second is asked twice: before the body is read,
    and when it has come, for others may have come first.
    """

    def __init__(self, *, max_images: int, max_bytes: int, clock: Clock = time.monotonic) -> None:
        self._max_images = max_images
        self._max_bytes = max_bytes
        self._clock = clock
        self._throughputs: dict[str, Throughput] = {}
        self.num_images = 0
        self.num_bytes = 0

    @contextmanager
    def admit(self, model: str, *, time_left_s: float) -> Iterator["Ticket"]:
        """Let a request in that holds at least one image; give its room back at the end.

        Raises:
            Overloaded: as many images are in the service as may be, or it would wait too long.
        """
        self.check_wait(model, images=1, time_left_s=time_left_s)
        ticket = Ticket(self)
        ticket.add_images(1)
        try:
            yield ticket
        finally:
            ticket.give_back()

    @contextmanager
    def working(
        self, model: str, *, images: int, time_left_s: float, expected_per_s: float | None = None
    ) -> Iterator[None]:
        """Count images as work of a model, one that exists, while the context is open.

        `expected_per_s` is what the model is thought to answer before it was seen to.

        Raises:
            Overloaded: they would wait too long.
        """
        self.check_wait(model, images=images, time_left_s=time_left_s)
        if model not in self._throughputs:
            self._throughputs[model] = Throughput(self._clock, expected_per_s=expected_per_s)
        throughput = self._throughputs[model]
        throughput.begin(images)
        answered = False
        try:
            yield
            answered = True
        finally:
            throughput.end(images, answered=answered)

    def check_wait(self, model: str, *, images: int, time_left_s: float) -> None:
        """Refuse images that could not be answered in time.

        Raises:
            Overloaded: the predicted wait is longer than what is left.
        """
        wait_s = self.predicted_wait_s(model, images)
        usable_s = _USABLE_SHARE * time_left_s
        if wait_s > max(usable_s, 0.0):  # a deadline that has passed is not the queue's fault
            raise Overloaded(
                f"the answer would come after {wait_s:.1f} s, its time is over in "
                f"{time_left_s:.1f} s; send the request again",
                retry_after_s=max(1, min(60, math.ceil(wait_s - usable_s))),
            )

    def predicted_wait_s(self, model: str, images: int = 1) -> float:
        """Return when so many more images of a model would be answered, in seconds from now."""
        throughput = self._throughputs.get(model)
        return throughput.predicted_wait_s(images) if throughput is not None else 0.0

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
    """The room that one request takes up; `num_bytes` of its body are held."""

    def __init__(self, admission: Admission) -> None:
        self._admission = admission
        self._images = 0
        self.num_bytes = 0

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
        self.num_bytes += count

    def give_back(self) -> None:
        """Give all room back; once, at the end."""
        self._admission.release(images=self._images, num_bytes=self.num_bytes)
