"""Room is counted on the way in and given back on the way out; what would come too late is refused."""

import heapq
from dataclasses import dataclass, field

import pytest

from service.errors import Overloaded
from service.limits.admission import Admission

LONG_S = 3600.0


def test_images_over_the_limit_are_refused_and_not_counted() -> None:
    admission = Admission(max_images=2, max_bytes=100)
    with (
        admission.admit("m", time_left_s=LONG_S) as ticket,
        admission.admit("m", time_left_s=LONG_S),
    ):
        with pytest.raises(Overloaded, match="limit is 2"):
            ticket.add_images(1)
        with pytest.raises(Overloaded), admission.admit("m", time_left_s=LONG_S):
            pytest.fail("was let in")
        assert admission.num_images == 2
    assert admission.num_images == 0


def test_bytes_over_the_limit_are_refused_and_not_counted() -> None:
    admission = Admission(max_images=2, max_bytes=100)
    with admission.admit("m", time_left_s=LONG_S) as ticket:
        ticket.add_bytes(100)
        with pytest.raises(Overloaded, match="limit is 100"):
            ticket.add_bytes(1)
        assert admission.num_bytes == 100
    assert admission.num_bytes == 0


def test_room_is_given_back_after_an_error() -> None:
    admission = Admission(max_images=9, max_bytes=9)

    def fail() -> None:
        with (
            admission.admit("m", time_left_s=LONG_S) as ticket,
            admission.working("m", images=4, time_left_s=LONG_S),
        ):
            ticket.add_images(3)
            ticket.add_bytes(5)
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    assert (admission.num_images, admission.num_bytes) == (0, 0)
    assert admission.predicted_wait_s("m") == 0


def test_the_first_answer_may_take_its_time_where_the_model_is_known_to_be_quick_enough() -> None:
    now = 0.0
    admission = Admission(max_images=9, max_bytes=9, clock=lambda: now)
    with admission.working("m", images=1, time_left_s=LONG_S, expected_per_s=10.0):
        now = 0.5
        assert 0.2 <= admission.predicted_wait_s("m") < 1.0


@dataclass
class Simulation:
    """A model that answers one image after another, and clients that come whether it can or not."""

    deadline_s: float
    now: float = 0.0
    in_time: int = 0
    late: int = 0
    refused: int = 0
    _free_at: float = 0.0
    _done: list[tuple[float, float, object]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.admission = Admission(max_images=10**6, max_bytes=1, clock=lambda: self.now)

    def run(self, *, seconds: float, interval_s: float, service_s: float) -> None:
        start = self.now
        for index in range(round(seconds / interval_s)):
            arrival = start + index * interval_s
            self._finish_until(arrival)
            self.now = arrival
            self._arrive(service_s)

    def _arrive(self, service_s: float) -> None:
        working = self.admission.working("m", images=1, time_left_s=self.deadline_s)
        try:
            working.__enter__()
        except Overloaded:
            self.refused += 1
            return
        self._free_at = max(self._free_at, self.now) + service_s
        heapq.heappush(self._done, (self._free_at, self.now, working))

    def _finish_until(self, until: float) -> None:
        while self._done and self._done[0][0] <= until:
            done_at, came_at, working = heapq.heappop(self._done)
            self.now = done_at
            working.__exit__(None, None, None)  # type: ignore[attr-defined]
            if done_at - came_at <= self.deadline_s:
                self.in_time += 1
            else:
                self.late += 1


def test_at_twice_capacity_what_is_accepted_is_answered_in_time() -> None:
    simulation = Simulation(deadline_s=0.5)
    simulation.run(seconds=20, interval_s=0.005, service_s=0.01)
    assert simulation.late == 0
    assert simulation.in_time > 0.95 * 20 / 0.01
    assert simulation.refused > 0.9 * 20 / 0.01


def test_below_capacity_nothing_is_refused() -> None:
    simulation = Simulation(deadline_s=0.5)
    simulation.run(seconds=20, interval_s=0.0125, service_s=0.01)
    assert (simulation.refused, simulation.late) == (0, 0)


def test_a_model_that_grows_slow_is_noticed_within_seconds() -> None:
    simulation = Simulation(deadline_s=0.5)
    simulation.run(seconds=5, interval_s=0.005, service_s=0.01)
    simulation.run(seconds=5, interval_s=0.005, service_s=0.03)
    simulation.late = 0
    simulation.run(seconds=5, interval_s=0.005, service_s=0.03)
    assert simulation.late == 0
    assert simulation.in_time > 0


def test_after_a_model_hung_the_next_request_is_tried() -> None:
    now = 0.0
    admission = Admission(max_images=9, max_bytes=9, clock=lambda: now)

    def time_out() -> None:
        nonlocal now
        with admission.working("m", images=1, time_left_s=5):
            now += 5
            with pytest.raises(Overloaded):
                admission.check_wait("m", images=1, time_left_s=5)
            raise TimeoutError

    with pytest.raises(TimeoutError):
        time_out()
    admission.check_wait("m", images=1, time_left_s=0.001)


def test_a_slow_model_does_not_hold_up_another() -> None:
    now = 0.0
    admission = Admission(max_images=9, max_bytes=9, clock=lambda: now)
    with admission.working("slow", images=1, time_left_s=5):
        now += 5
        with pytest.raises(Overloaded, match="would come after"):
            admission.check_wait("slow", images=1, time_left_s=5)
        admission.check_wait("other", images=1, time_left_s=5)
