"""Everything that stops a training run on purpose.

    TrainingError
    ├── ConfigError       an option that is not allowed, alone or beside another
    ├── DataError         the image folder cannot be trained on
    ├── BackboneError     no such network, or one that cannot be given a new head
    ├── WeightsError      the pretrained weights are missing, unreachable or of another network
    ├── DivergenceError   the loss is no longer a number
    └── GateFailed        the exported file does not do what was trained; nothing is published

A run that ends with one of these prints its message and exits with code 2, nothing published.
"""


class TrainingError(Exception):
    """Base class of every error that `training` raises on purpose."""


class ConfigError(TrainingError):
    """An option is not allowed, alone or beside another."""


class DataError(TrainingError):
    """The image folder cannot be trained on."""


class BackboneError(TrainingError):
    """There is no such network, or it cannot be given a new head."""


class WeightsError(TrainingError):
    """The pretrained weights are missing, unreachable or of another network."""


class DivergenceError(TrainingError):
    """The loss is no longer a number."""


class GateFailed(TrainingError):
    """A check of the exported file failed; nothing is published."""


class Paused(KeyboardInterrupt):
    """The run was asked to stop. Its checkpoint is saved, and the same command resumes it."""


class StoppedAfterPublishing(KeyboardInterrupt):
    """The run was asked to stop when its model was there already; the argument is the folder."""


class NoTimeToTrain(Exception):  # no error: the probe is published
    """The time budget has no room for training."""
