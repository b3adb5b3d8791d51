"""What is read from the events of a training while it runs."""

from typing import Any

from studio.training_runs.live_events import last_curve, watched_images


def examples(step: int | None, **guesses: str) -> dict[str, Any]:
    images = [{"sha256": s, "label": "hat", "guess": g, "path": s} for s, g in guesses.items()]
    return {"event": "examples", "step": step, "images": images}


def test_an_image_keeps_what_it_was_first_taken_for() -> None:
    events = [
        examples(0, a="cap", b="hat"),
        {"event": "stage"},
        examples(9, a="hat", b="hat"),
        examples(0, c="cap"),
        examples(None, a="cap", c="hat"),
    ]
    found = [(w.sha256, w.before, w.now) for w in watched_images(events)]
    assert found == [("a", "cap", "cap"), ("c", "cap", "hat")]
    assert watched_images([{"event": "stage"}]) == []


def test_the_curve_is_that_of_the_fold_in_training() -> None:
    steps = (5, 10, 5, 10, 15)
    events = [{"event": "validation", "step": step, "of": n} for n, step in enumerate(steps)]
    assert last_curve([*events, {"event": "stage"}]) == events[2:]
