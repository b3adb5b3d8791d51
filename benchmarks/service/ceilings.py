"""What this machine allows without HTTP: decoding alone, the model alone, and both in one process."""

import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from inference import Classifier, DecodeLimits, SessionConfig, read_package

_BATCH = 16


def measure_ceilings(package: Path, images: Sequence[bytes], seconds: float) -> dict[str, float]:
    """Return images a second, by what was measured."""
    classifier = _load(package, threads=1)
    limits = DecodeLimits()
    cores = len(os.sched_getaffinity(0))

    def decode(image: bytes) -> None:
        classifier.prepare(image, limits=limits)

    def answer(image: bytes) -> None:
        pixels = classifier.prepare(image, limits=limits).pixels
        classifier.run(pixels[np.newaxis])

    return {
        "decode only": _in_threads(decode, images, cores, seconds),
        "model only": _model_alone(_load(package, threads=cores), seconds),
        "both, in one process": _in_threads(answer, images, cores, seconds),
    }


def _load(package: Path, *, threads: int) -> Classifier:
    config = SessionConfig(provider="cpu", intra_op_threads=threads)
    return Classifier.load(read_package(package), session=config)


def _model_alone(classifier: Classifier, seconds: float) -> float:
    height, width = classifier.manifest.crop_hw
    batch = np.zeros((_BATCH, height, width, 3), np.uint8)
    classifier.run(batch)
    done, started = 0, time.perf_counter()
    while time.perf_counter() - started < seconds:
        classifier.run(batch)
        done += _BATCH
    return done / (time.perf_counter() - started)


def _in_threads(
    work: Callable[[bytes], None], images: Sequence[bytes], threads: int, seconds: float
) -> float:
    for image in images:
        work(image)
    started = time.perf_counter()

    def run(first: int) -> int:
        done = 0
        while time.perf_counter() - started < seconds:
            work(images[(first + done) % len(images)])
            done += 1
        return done

    with ThreadPoolExecutor(threads) as pool:
        done = sum(pool.map(run, range(threads)))
    return done / (time.perf_counter() - started)
