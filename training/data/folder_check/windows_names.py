"""Labels that cannot be the name of a folder on Windows: the data set cannot be carried there."""

import re
from collections.abc import Iterable
from typing import Final

from training.data.finding import Finding, counted, named

_FORBIDDEN: Final = re.compile(r'[<>:"|?*\\/\x00-\x1f]|[. ]$')
_DEVICES: Final = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)


def windows_names(labels: Iterable[str]) -> list[Finding]:
    """Name the labels that Windows has no folder for."""
    bad = [label for label in labels if _FORBIDDEN.search(label) or _DEVICES.fullmatch(label)]
    if not bad:
        return []
    return [
        Finding(
            kind="windows_names",
            severity="info",
            message=f"{counted(len(bad), 'class name')} that Windows cannot hold: {named(bad)}",
            count=0,
            next_step="rename them if the folder is to be copied there",
        )
    ]
