"""The wall time of a run's stages, for its report."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class StageDurations:
    """Seconds by stage, in the order in which they began; a stage that comes again adds up."""

    seconds: dict[str, float] = field(default_factory=dict)

    def add(self, stage: str, seconds: float) -> None:
        """Note what a stage took."""
        self.seconds[stage] = self.seconds.get(stage, 0.0) + seconds
