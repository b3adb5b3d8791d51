"""What is shown while a model changes, from the events of its training: the curve, and validation images."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedImage:
    """A validation image, what it was taken for when it was first looked at, and now."""

    sha256: str
    label: str
    before: str
    now: str


def watched_images(events: Sequence[Mapping[str, Any]]) -> list[WatchedImage]:
    """Return the images of the last `examples` event; none before the first."""
    shown = [event["images"] for event in events if event["event"] == "examples"]
    if not shown:
        return []
    before: dict[str, str] = {}
    for image in (image for images in shown for image in images):
        before.setdefault(image["sha256"], image["guess"])
    return [
        WatchedImage(
            sha256=image["sha256"],
            label=image["label"],
            before=before[image["sha256"]],
            now=image["guess"],
        )
        for image in shown[-1]
    ]


def last_curve(events: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the validations of the network in training; with folds, one is trained after the other."""
    curve: list[Mapping[str, Any]] = []
    for event in events:
        if event["event"] == "validation":
            begins_anew = bool(curve) and event["step"] <= curve[-1]["step"]
            curve = [event] if begins_anew else [*curve, event]
    return curve
