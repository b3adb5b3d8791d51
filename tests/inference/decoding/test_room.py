"""Large images share the memory of the process: who finds none waits, small ones pass by."""

import threading

from inference.decoding.room import Room

MB = 10**6


def test_one_waits_until_another_has_gone() -> None:
    room, entered, leave = Room(100 * MB), threading.Event(), threading.Event()

    def second() -> None:
        with room.hold(60 * MB):
            entered.set()

    with room.hold(60 * MB):
        thread = threading.Thread(target=second)
        thread.start()
        with room.hold(40 * MB), room.hold(1 * MB):  # what is left, and what is not counted
            assert not entered.wait(0.1)
        leave.set()
    assert entered.wait(10)
    thread.join()


def test_what_needs_more_than_all_has_all() -> None:
    room = Room(100 * MB)
    with room.hold(500 * MB):
        pass
    with room.hold(100 * MB):
        pass
