"""What a package's precisions answer is counted against its float32 answers."""

from pathlib import Path

import numpy as np

from benchmarks.package_precisions import rows
from inference import SessionConfig, open_classifier
from tests.builders import COLOURS, SIDE_PX, make_package

CPU = SessionConfig(provider="cpu")
# Sees red where there is blue.
SWAPPED = np.eye(3, dtype=np.float32)[::-1] * 10


def test_answers_are_counted_against_the_labels_and_against_float32(models_dir: Path) -> None:
    fp32 = open_classifier(make_package(models_dir), session=CPU)
    other = open_classifier(make_package(models_dir, weight=SWAPPED), session=CPU)
    pixels = np.stack([np.full((SIDE_PX, SIDE_PX, 3), COLOURS[c], np.uint8) for c in COLOURS])
    targets = np.array([fp32.manifest.labels.index(label) for label in COLOURS])
    first, second = rows({"fp32": fp32, "int8": other}, pixels, targets, rounds={1: 2})
    assert first.startswith("| fp32 | onnxruntime | 3 of 3 | 0.000 | 0 | 0.000 |")
    assert second.startswith("| int8 | onnxruntime | 1 of 3 |")
    assert second.split(" | ")[4:6] == ["2", "1.000"]
