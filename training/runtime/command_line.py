"""What the command lines of this package have in common."""

import json
import os
from pathlib import Path
from typing import Any

from inference.strictjson import to_json
from training.errors import ConfigError


def check_writable(file: Path | None) -> None:
    """Find out before the work, not after it.

    Raises:
        ConfigError: the file cannot be written.
    """
    if file is not None and (file.is_dir() or not os.access(file.parent, os.W_OK)):
        raise ConfigError(
            f"cannot write {str(file)!r}; give a file in a folder that may be written"
        )


def write_json(file: Path, content: Any) -> None:
    """Write plain values and dataclasses as JSON."""
    text = json.dumps(to_json(content), ensure_ascii=False, indent=1)
    file.write_text(text + "\n", encoding="utf-8")
