"""Presets: how much time a run takes, and what for, by one word; what was typed beside it overrides it.

After the presets of AutoGluon (Erickson et al. 2020).
"""

from collections.abc import Mapping
from typing import Any, Final

from training.config import AUTO, Preset

_PRESETS: Final[Mapping[Preset, Mapping[str, Any]]] = {
    "fast": {},
    "balanced": {"backbone": AUTO, "time_budget": 600.0},
    "best": {
        "backbone": AUTO,
        "time_budget": 3600.0,
        "precisions": ("fp32", "fp16", "int8", "bf16"),
    },
}
# Options of one network: who gives them means that of --backbone, or the default one.
_OF_ONE_NETWORK: Final = ("weights", "backbone_args", "mean", "std")


def preset_options(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that the preset among those `given` sets, by field; `given` overrides them."""
    options = dict(_PRESETS[given.get("preset", "fast")])
    if given.get("method") == "scratch" or any(name in given for name in _OF_ONE_NETWORK):
        options.pop("backbone", None)
    return options
