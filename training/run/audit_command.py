"""The command that lists every finding of a run's folder, to be pasted into the terminal."""

import shlex

from training.config import FinetuneConfig


def audit_command(config: FinetuneConfig) -> str:
    """Return it with the run's folder and the options about its labels."""
    words = ["python", "-m", "training.audit", str(config.data)]
    if config.labels is not None:
        words += ["--labels", str(config.labels)]
    if config.label_from is not None:
        words += ["--label-from", config.label_from]
    return shlex.join([*words, "--html", "audit.html"])
