"""How a model's backbone was chosen among several: a part of its manifest."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class BackboneTrial:
    """One backbone that was tried. What has no value was not measured, for the reason in `outcome`.

    Attributes:
        backbone: its name.
        weights: their name.
        licence: of the weights, as their source states it.
        ms: median milliseconds for one image by the file that would be served, on the CPU that trained.
        bytes: of that file.
        images: how many images it was evaluated on, each by a head that was not fitted on it.
        accuracy: of a linear probe, cross-validated on these images, 0..1.
        accuracy_interval: 95 %, Wilson's.
        nll: its loss, in nats.
        outcome: what became of it, in words.
    """

    backbone: str
    outcome: str
    weights: str | None = None
    licence: str | None = None
    ms: float | None = None
    bytes: int | None = None
    images: int | None = None
    accuracy: float | None = None
    accuracy_interval: tuple[float, float] | None = None
    nll: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BackboneChoice:
    """The backbones that were tried, and why it is this one.

    Attributes:
        chosen: index of the chosen one in `trials`.
        reason: in words.
        seconds: what choosing took.
        trials: in the order in which they were tried.
    """

    chosen: int
    reason: str
    seconds: float
    trials: tuple[BackboneTrial, ...]
