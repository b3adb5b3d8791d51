"""What calibration and prediction sets are worth on test images, of packages just trained.

    python -m benchmarks.honesty models/clothing/1 models/cifar10/1

Each was made by `python -m training.finetune DATA --coverage 0.9`; the figures are those of its
metrics.json, measured on test images that took part in no choice.
"""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from training.assessment.intervals import wilson


def main() -> None:
    """Print one Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("packages", nargs="+", type=Path)
    print(
        "| model | test images | ECE before, % | after | NLL before | after | promised coverage, % "
        "| found (95 % interval) | labels a set | own images rejected, % |\n"
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|"
    )
    for package in parser.parse_args().packages:
        print(row(package))


def row(package: Path) -> str:
    """Return the line of one package that has test images and a conformal threshold."""
    manifest, metrics = _read(package / "manifest.json"), _read(package / "metrics.json")
    effect, sets = metrics["calibration"]["test"], metrics["sets"]["test"]
    covered = round(sets["covered"] * sets["images"])
    interval = wilson(covered, sets["images"])
    assert interval is not None
    low, high = interval
    cells = [
        f"{manifest['name']}",
        f"{sets['images']}",
        f"{100 * effect['ece_before']:.1f}",
        f"{100 * effect['ece_after']:.1f}",
        f"{effect['nll_before']:.3f}",
        f"{effect['nll_after']:.3f}",
        f"{100 * manifest['conformal']['coverage']:.0f}",
        f"{100 * sets['covered']:.1f} ({100 * low:.1f} to {100 * high:.1f})",
        f"{sets['mean_size']:.2f}",
        f"{100 * metrics['rejected']['test']:.1f}",
    ]
    return "| " + " | ".join(cells) + " |"


def _read(file: Path) -> Mapping[str, Any]:
    data = json.loads(file.read_text(encoding="utf-8"))
    assert isinstance(data, dict)
    return data


if __name__ == "__main__":
    main()
