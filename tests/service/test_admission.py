"""Room is counted on the way in and given back on the way out."""

import pytest

from service.admission import Admission
from service.errors import Overloaded


def test_images_over_the_limit_are_refused_and_not_counted() -> None:
    admission = Admission(max_images=2, max_bytes=100)
    with admission.admit() as ticket, admission.admit():
        with pytest.raises(Overloaded, match="limit is 2"):
            ticket.add_images(1)
        with pytest.raises(Overloaded), admission.admit():
            pytest.fail("was let in")
        assert admission.num_images == 2
    assert admission.num_images == 0


def test_bytes_over_the_limit_are_refused_and_not_counted() -> None:
    admission = Admission(max_images=2, max_bytes=100)
    with admission.admit() as ticket:
        ticket.add_bytes(100)
        with pytest.raises(Overloaded, match="limit is 100"):
            ticket.add_bytes(1)
        assert admission.num_bytes == 100
    assert admission.num_bytes == 0


def test_room_is_given_back_after_an_error() -> None:
    admission = Admission(max_images=9, max_bytes=9)

    def fail() -> None:
        with admission.admit() as ticket:
            ticket.add_images(3)
            ticket.add_bytes(5)
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    assert (admission.num_images, admission.num_bytes) == (0, 0)
