"""Where the processes of one service find what they share."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class SharedFolder:
    """A folder that is there while the processes are."""

    path: Path

    @property
    def operations_file(self) -> Path:
        """What operators asked of the models; see `operations.py`."""
        return self.path / "operations.json"

    @property
    def metrics_dir(self) -> Path:
        """The numbers behind `/metrics`, a file each process and kind."""
        return self.path / "metrics"

    @property
    def sums_dir(self) -> Path:
        """What was answered, summed by day; see `daily_sums.py`."""
        return self.path / "sums"

    def is_first_to(self, do: str) -> bool:
        """Return whether no process of this service has asked so before, or none can note it."""
        try:
            (self.path / f"{do}.done").touch(exist_ok=False)
        except FileExistsError:
            return False
        except OSError:  # a full disk
            return True
        return True
