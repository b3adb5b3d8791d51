"""Images as several fits show them, decoded when they are asked for and kept nowhere."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from inference.decoding import DecodeLimits
from inference.errors import ImageError
from inference.image_file import read_image_file
from inference.preprocessing import PreprocessSpec, preprocess
from training.data.views import Views
from training.errors import DataError
from training.runtime.arrays import Integers, Pixels


class FittedPixels:
    """`pixels[rows]`: row `i * len(specs) + k` is image i by spec k, (H, W, 3) uint8.

    The specs differ in nothing but their fit, so that an image is decoded once for all of them.
    """

    def __init__(
        self, files: Sequence[Path], specs: Sequence[PreprocessSpec], limits: DecodeLimits
    ) -> None:
        self._files = files
        self._specs = specs
        self._views = Views(specs[0], for_training=False, limits=limits)

    def __len__(self) -> int:
        return len(self._files) * len(self._specs)

    def __getitem__(self, rows: Integers) -> Pixels:
        """Return (M, H, W, 3) uint8 for row numbers (M,).

        Raises:
            DataError: a file is not what it was when it was scanned.
        """
        places = [divmod(int(row), len(self._specs)) for row in rows]
        wanted = sorted({image for image, _ in places})
        with ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="decode") as pool:
            made = dict(zip(wanted, pool.map(self._made, wanted), strict=True))
        return np.stack([made[image][fit] for image, fit in places])

    def _made(self, image: int) -> list[Pixels]:
        path = self._files[image]
        try:
            data = read_image_file(path, max_bytes=self._views.limits.max_bytes)
            decoded = self._views.decode(data)
        except (ImageError, OSError) as err:
            raise DataError(
                f"{path.name!r} can no longer be read; put it back and start the run again"
            ) from err
        return [preprocess(decoded, spec) for spec in self._specs]
