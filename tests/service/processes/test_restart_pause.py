"""A process that dies at each start is started ever less often."""

from service.processes.restart_pause import RestartPause


def test_the_pause_grows_to_a_bound_and_is_forgotten_when_one_has_served() -> None:
    now = [0.0]
    pause = RestartPause(lambda: now[0])

    def dies_after(seconds: float) -> float:
        pause.note_started()
        now[0] += seconds
        return pause.after_death()

    assert [dies_after(5) for _ in range(8)] == [0, 1, 2, 4, 8, 16, 30, 30]
    assert [dies_after(3600), dies_after(5)] == [0, 1]
