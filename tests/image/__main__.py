"""Build the images and run them as docs/docker.md says, by a Docker Engine of this run's own.

    python -m tests.image              # the image that CI builds: cpu
    python -m tests.image cpu gpu train --photos DATA
    python -m tests.image cpu-openvino --bf16-model models/MODEL    # one trained with --precisions fp32,bf16

Exit code 0 also where the machine refuses an engine (scripts/docker/engine.sh has what it needs); the
last lines say so. What is checked is in `checks.py`, which runs beside the engine.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.builders import coloured, make_package

ROOT: Final = Path(__file__).resolve().parent.parent.parent
_REFUSED: Final = 77


def lay_out(folder: Path, photos: Path | None, bf16_model: Path | None) -> None:
    """Make what the checks need: a model in two versions, an image of it, and what was given."""
    for _ in range(2):
        make_package(folder / "published")
    (folder / "green.png").write_bytes(coloured("green"))
    if photos is not None:
        shutil.copytree(photos, folder / "photos")
    if bf16_model is not None:
        shutil.copytree(bf16_model, folder / "bf16" / bf16_model.name)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    parser = argparse.ArgumentParser(description="Build the images and run them.")
    parser.add_argument("targets", nargs="*", default=["cpu"])
    parser.add_argument("--photos", type=Path, help="a folder of photos, for the target train")
    parser.add_argument("--bf16-model", type=Path, help="a model's folder, for cpu-openvino")
    args = parser.parse_args(argv)
    if "cpu-openvino" in args.targets and args.bf16_model is None:
        parser.error("cpu-openvino needs --bf16-model models/MODEL, trained with --precisions bf16")
    with tempfile.TemporaryDirectory() as folder:
        lay_out(Path(folder), args.photos, args.bf16_model)
        engine = [str(ROOT / "scripts/docker/engine.sh"), folder]
        checks = ["python3", "/srv/checkout/tests/image/checks.py", *args.targets]
        code = subprocess.run([*engine, *checks], check=False).returncode
    if code == _REFUSED:
        print(f"{'!' * 78}\n!!! NOT RUN: the images. The line above says why.\n{'!' * 78}")
        return 0
    return code


if __name__ == "__main__":
    sys.exit(main())
