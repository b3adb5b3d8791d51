"""How long to train: three choices, and what each will take here."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, get_args

from studio.analysis.analysis_file import Analysis

Choice = Literal["minute", "ten_minutes", "as_long_as_it_helps"]
CHOICES: Final[tuple[Choice, ...]] = get_args(Choice)

OPTIONS: Final[Mapping[Choice, tuple[str, ...]]] = {
    "minute": ("--method", "probe"),
    "ten_minutes": ("--time-budget", "10m"),
    "as_long_as_it_helps": ("--method", "finetune"),
}
# Starting, export, the report: measured at some 25 s on two cores.
_FIXED_S: Final = 25.0
# Features of the images, of their mirror images, and the held-out ones again from raw bytes.
_FEATURE_PASSES: Final = 2.3
# A training step on an image against its features alone, at EfficientNet-Lite0 on two cores.
_STEP_PASSES: Final = 9.0
# As training plans them: 500 steps of 32 images, more for more images, 60 epochs at most.
_LEAST_STEPS: Final = 500
_STEPS_PER_ROOT: Final = 16.0
_LEAST_EPOCHS: Final = 3
_MOST_EPOCHS: Final = 60
_BATCH: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoiceTime:
    """A choice and the seconds that it will take here, roughly."""

    choice: Choice
    seconds: float


def estimate_times(analysis: Analysis) -> list[ChoiceTime]:
    """Return the three choices with their times, from what looking at the folder took."""
    probe_s = _FIXED_S + _FEATURE_PASSES * analysis.embedding_s
    num_images = max(1, len(analysis.images))
    epoch_steps = num_images / _BATCH
    wanted = max(_LEAST_STEPS, _STEPS_PER_ROOT * num_images**0.5, _LEAST_EPOCHS * epoch_steps)
    epochs = min(wanted, _MOST_EPOCHS * epoch_steps) / epoch_steps
    long_s = probe_s + epochs * _STEP_PASSES * analysis.embedding_s
    return [
        ChoiceTime(choice="minute", seconds=round(probe_s)),
        ChoiceTime(choice="ten_minutes", seconds=max(600, round(probe_s))),
        ChoiceTime(choice="as_long_as_it_helps", seconds=round(long_s)),
    ]
