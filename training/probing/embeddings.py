"""The frozen trunk's embeddings of many images, computed by ONNX Runtime on the exported trunk.

Several times faster on a CPU than PyTorch's eager mode, and an early proof that the backbone exports.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import numpy as np
import onnx

from inference.cores import usable_cores
from inference.session import SessionConfig, open_session
from training.data.fitted_pixels import FittedPixels
from training.data.scan import PixelRows
from training.errors import WeightsError
from training.runtime.arrays import Floats, Integers

# In all threads together: what memory for activations is bounded by.
_IMAGES_AT_ONCE: Final = 32


def compute_embeddings(
    trunk: onnx.ModelProto,
    pixels: PixelRows | FittedPixels,
    rows: Integers,
    *,
    flipped: bool = False,
    advance: Callable[[int], None] = lambda _: None,
) -> Floats:
    """Return the embeddings (M, D) of the images at `rows` (M,) of `pixels`.

    `flipped` flips the images horizontally first; `advance` is called with the number of images done since.

    Raises:
        WeightsError: an embedding is NaN or infinite.
    """
    threads = usable_cores()
    size = max(1, _IMAGES_AT_ONCE // threads)
    # Runs beside each other, of one thread each: threads within a run wait for each other at every layer.
    config = SessionConfig(provider="cpu", intra_op_threads=1)
    session = open_session(trunk.SerializeToString(), config)

    def run(start: int) -> Floats:
        batch = pixels[rows[start : start + size]]
        if flipped:
            batch = batch[:, :, ::-1]
        return session.run(np.ascontiguousarray(batch), ["embedding"])["embedding"]

    embeddings = np.empty((len(rows), 0), dtype=np.float32)
    starts = range(0, len(rows), size)
    pool = ThreadPoolExecutor(threads, thread_name_prefix="embed")
    try:
        for start, part in zip(starts, pool.map(run, starts), strict=True):
            if start == 0:  # only now is D known
                embeddings = np.empty((len(rows), part.shape[1]), dtype=np.float32)
            embeddings[start : start + len(part)] = part
            advance(len(part))
    finally:
        pool.shutdown(cancel_futures=True)
    if not np.isfinite(embeddings).all():
        raise WeightsError(
            "the backbone answers with NaN or infinity; its weights are damaged, or --mean and --std "
            "are not what they were trained with"
        )
    return embeddings
