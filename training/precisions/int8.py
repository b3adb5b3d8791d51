"""A traced trunk in 8-bit integers, for CPUs: quantised statically, with ranges seen on training images.

Jacob et al. 2018, "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only
Inference"; the ranges are the smallest and largest values seen. Activations are unsigned, as the fast
instructions of x86 want them. The head is not in the trunk and stays float32, as what is behind it.
"""

import copy
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import gettempdir
from typing import Any, Final

import numpy as np
import onnx
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quantize_static,
)

from inference.session import INPUT_NAME
from inference.temporary_folder import temporary_folder
from training.precisions.sensitive_layers import float_nodes, name_nodes, sensitive_nodes
from training.runtime.arrays import Pixels

_CALIBRATION_BATCH: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How to quantise: a scale for each channel of the weights or one for all; what stays float32."""

    per_channel: bool
    keep_sensitive: bool = False

    def describe(self) -> str:
        """Return it in words."""
        scales = "per channel" if self.per_channel else "per tensor"
        kept = ", first, last and squeeze-and-excitation layers in float32"
        return scales + kept * self.keep_sensitive


RECIPES: Final = (Recipe(per_channel=True), Recipe(per_channel=False))
# Slower: for where those lose too much.
CAREFUL_RECIPE: Final = Recipe(per_channel=True, keep_sensitive=True)


class Int8Converter:
    """Quantises one trunk in several ways; the images are looked at once. Use as a context."""

    def __init__(self, trunk: onnx.ModelProto, images: Pixels) -> None:
        """Store the trunk and the calibration images (M, H, W, 3)."""
        self._trunk = copy.deepcopy(trunk)
        name_nodes(self._trunk)
        self._images = images
        self._temporary = temporary_folder(Path(gettempdir()), "graft-int8-")

    def __enter__(self) -> "Int8Converter":
        self._folder = self._temporary.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        self._temporary.__exit__(None, None, None)

    def convert(self, recipe: Recipe) -> onnx.ModelProto:
        """Return the quantised trunk, with float32 outputs."""
        excluded = float_nodes(self._trunk)
        if recipe.keep_sensitive:
            excluded += sensitive_nodes(self._trunk)
        target = self._folder / "quantised.onnx"
        with _quiet_quantiser():
            quantize_static(
                copy.deepcopy(self._trunk),  # it empties the one that it is given
                target,
                _Reader(self._images),
                quant_format=QuantFormat.QDQ,
                per_channel=recipe.per_channel,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                nodes_to_exclude=excluded,
                calibration_cache_path=self._folder / "ranges.json",
            )
        return onnx.load(target)


class _Reader(CalibrationDataReader):  # type: ignore[misc]
    """Gives the quantiser the images in batches."""

    def __init__(self, images: Pixels) -> None:
        self._batches: Iterator[Pixels] = (
            images[start : start + _CALIBRATION_BATCH]
            for start in range(0, len(images), _CALIBRATION_BATCH)
        )

    def get_next(self) -> dict[str, Any] | None:
        """Return the next batch, None after the last."""
        batch = next(self._batches, None)
        return None if batch is None else {INPUT_NAME: np.ascontiguousarray(batch)}


@contextmanager
def _quiet_quantiser() -> Iterator[None]:
    """Keep its advice on pre-processing, which the exporter has done, from the user's terminal."""
    level = logging.root.level
    logging.root.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logging.root.setLevel(level)
