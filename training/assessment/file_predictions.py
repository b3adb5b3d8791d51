"""A published model's answers for files, from their raw bytes as the service takes them."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from inference.classifier import BatchOutputs, Classifier
from inference.decoding import OWN_FILES_LIMITS, DecodeLimits
from inference.errors import ImageError
from inference.image_file import read_image_file
from training.data.folder import ImageFile
from training.data.too_large import with_options
from training.runtime.arrays import Flags, Floats, Pixels

_BATCH: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePredictions:
    """What a model says of M readable files out of those that were asked about.

    Attributes:
        files: the readable ones, in order.
        logits, probabilities: (M, K).
        rejected: (M,), which are unlike the training images.
        embeddings: (M, D), what the head sees; (M, 0) unless they were asked for.
        left_out: the others, with the reason.
        seconds: wall time of reading, decoding and running.
    """

    files: tuple[ImageFile, ...]
    logits: Floats
    probabilities: Floats
    rejected: Flags
    embeddings: Floats
    left_out: tuple[tuple[ImageFile, str], ...]
    seconds: float


def predict_files(
    classifier: Classifier,
    files: Sequence[ImageFile],
    *,
    limits: DecodeLimits = OWN_FILES_LIMITS,
    with_embeddings: bool = False,
    advance: Callable[[int], None] = lambda _: None,
) -> FilePredictions:
    """Run the model on files in batches; `advance` is called with the number done since the last call.

    Images over `limits` are left out.

    Raises:
        SessionError: the model fails.
    """
    started = time.monotonic()
    kept: list[ImageFile] = []
    left_out: list[tuple[ImageFile, str]] = []
    parts = []
    for chunk, pixels, problems in _read_batches(classifier, files, limits):
        left_out += problems
        if pixels:
            outputs = classifier.run(np.stack(pixels))
            if not with_embeddings:
                outputs = replace(outputs, embedding=outputs.embedding[:, :0])
            parts.append((outputs, _rejected(classifier, outputs)))
            kept += chunk
        advance(len(chunk) + len(problems))
    num_labels = len(classifier.manifest.labels)
    none, nobody = np.zeros((0, num_labels), np.float32), np.zeros(0, np.bool_)
    return FilePredictions(
        files=tuple(kept),
        logits=np.concatenate([none, *(outputs.logits for outputs, _ in parts)]),
        probabilities=np.concatenate([none, *(outputs.probabilities for outputs, _ in parts)]),
        rejected=np.concatenate([nobody, *(rejected for _, rejected in parts)]),
        embeddings=(
            np.concatenate([outputs.embedding for outputs, _ in parts])
            if parts
            else np.zeros((0, 0), np.float32)
        ),
        left_out=tuple(left_out),
        seconds=time.monotonic() - started,
    )


def read_pixels(
    classifier: Classifier, file: ImageFile, limits: DecodeLimits = OWN_FILES_LIMITS
) -> Pixels:
    """Return what the model sees of a file: (H, W, 3) uint8.

    Raises:
        ImageError, OSError: it cannot be read.
    """
    return classifier.prepare(
        read_image_file(file.path, max_bytes=limits.max_bytes), limits=limits
    ).pixels


def _read_batches(
    classifier: Classifier, files: Sequence[ImageFile], limits: DecodeLimits
) -> Iterator[tuple[list[ImageFile], list[Pixels], list[tuple[ImageFile, str]]]]:
    """Yield readable files with their pixels, and the others with the reason, batch by batch."""

    def read(file: ImageFile) -> Pixels | str:
        try:
            return read_pixels(classifier, file, limits)
        except ImageError as err:
            return with_options(err, file.path)
        except OSError as err:
            return f"file cannot be read: {err.strerror}"

    with ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="decode") as pool:
        for start in range(0, len(files), _BATCH):
            batch = files[start : start + _BATCH]
            found = list(zip(batch, pool.map(read, batch), strict=True))
            readable = [(f, pixels) for f, pixels in found if not isinstance(pixels, str)]
            yield (
                [f for f, _ in readable],
                [pixels for _, pixels in readable],
                [(f, problem) for f, problem in found if isinstance(problem, str)],
            )


def _rejected(classifier: Classifier, outputs: BatchOutputs) -> Flags:
    return np.array([p.rejected for p in classifier.interpret(outputs, top_k=1)], dtype=np.bool_)
