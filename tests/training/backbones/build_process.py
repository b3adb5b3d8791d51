"""A process that builds a backbone and prints what the manifest would say of it."""

import dataclasses
import json
import sys
from pathlib import Path

from training.backbones.build import build_backbone
from training.config import FinetuneConfig
from training.runtime.command_line import run_command


def main() -> None:
    """Print the information as JSON, or the error as the commands do."""
    config = FinetuneConfig(
        data=Path("photos"), backbone=sys.argv[1], offline="--offline" in sys.argv
    )
    sys.stdout.write(json.dumps(dataclasses.asdict(build_backbone(config).info)))


if __name__ == "__main__":
    sys.exit(run_command(main))
