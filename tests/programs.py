"""Programs of the machine's own that some tests run; where one is missing, its tests are left out loudly."""

import shutil
from typing import Final

# The marker of the tests, which is the program's name, and the Debian package that has it.
PACKAGES: Final = {"nginx": "nginx-light", "chromium": "chromium", "promtool": "prometheus"}


def missing_programs() -> dict[str, str]:
    """Return those that are not installed, with their packages."""
    return {
        name: package
        for name, package in PACKAGES.items()
        if not (shutil.which(name) or shutil.which(name, path="/usr/sbin"))
    }
