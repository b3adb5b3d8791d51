"""Where a run is saved, and that it is forgotten. Needs no PyTorch."""

import hashlib
import shutil
from pathlib import Path

from training.runtime.ranks import is_main


def run_name(publish_name: str, models_dir: Path) -> str:
    """Return a file name for the run that publishes under a name into a repository."""
    place = hashlib.sha256(str(models_dir.resolve()).encode()).hexdigest()[:12]
    return f"{publish_name}-{place}"


def checkpoint_file(folder: Path, name: str) -> Path:
    """Return the file that a run of a name is saved in."""
    return folder / f"{name}.pt"


def remove_checkpoint(file: Path) -> None:
    """Forget the run that is saved there: it is over."""
    if is_main() and file.is_dir():  # nobody's checkpoint, but in its place
        shutil.rmtree(file)
    elif is_main():
        file.unlink(missing_ok=True)
