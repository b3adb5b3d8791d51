"""Libraries that report to their makers unless told not to, told not to.

ONNX Runtime's wheels write a device id and a queue of events under the user's cache folder when they are
imported, and look their maker's address up ten seconds later. They read the environment only then, so
this runs before the first import: `inference`, `training` and `benchmarks` do it as packages, and what they
start inherits it.
"""

import os
from typing import Final

_SWITCHES: Final = {
    "ORT_DISABLE_TELEMETRY": "1",  # any other value leaves it on
    "HF_HUB_DISABLE_TELEMETRY": "1",  # huggingface_hub, by way of timm
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "RAY_USAGE_STATS_ENABLED": "0",
    "DO_NOT_TRACK": "1",  # https://donottrack.sh, for whoever else is installed
}


def turn_off_telemetry() -> None:
    """Set every switch that is not set already: whoever wants to report may."""
    for name, value in _SWITCHES.items():
        if not os.environ.get(name):
            os.environ[name] = value
