"""`--max-ms` and `--max-mb`: which candidates are within them."""

from collections.abc import Mapping

from training.backbone_choice.open_all import Opened
from training.backbone_choice.opened_candidate import OpenedCandidate
from training.backbone_choice.table import describe_trials
from training.backbone_choice.trial import make_trial
from training.config import FinetuneConfig
from training.errors import BackboneError
from training.runtime.progress import Display


def within_limits(
    opened: Mapping[int, Opened],
    names: Mapping[int, str],
    config: FinetuneConfig,
    display: Display,
) -> list[int]:
    """Return which of the candidates that could be opened are within the limits of the options.

    Raises:
        BackboneError: none is; all are shown, and the nearest is named.
    """
    had = {index: one for index, one in opened.items() if isinstance(one, OpenedCandidate)}
    within = [index for index, one in had.items() if one.over_limit(config) is None]
    if within:
        return within
    for line in describe_trials([make_trial(names[i], one, config) for i, one in opened.items()]):
        display.line(line)
    nearest = min(had, key=lambda index: had[index].excess(config))
    one = had[nearest]
    raise BackboneError(
        f"no candidate is within {_limits(config)}; the nearest is {names[nearest]} with {one.ms:.1f} ms and "
        f"{one.file_bytes / 1e6:.1f} MB: allow that, or name others with --candidates"
    )


def _limits(config: FinetuneConfig) -> str:
    limits = {"--max-ms": config.max_ms, "--max-mb": config.max_mb}
    return " and ".join(f"{flag} {value:g}" for flag, value in limits.items() if value is not None)
