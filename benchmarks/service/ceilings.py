"""What this machine allows without HTTP: decoding alone, the model alone, and both in one process.

A lone image takes decoding and the model, one after the other: the least that a lone request can take.
"""

import os
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import numpy as np

from inference import Classifier, DecodeLimits, SessionConfig, read_package

BOTH: Final = "both, in one process"
_BATCH: Final = 16
_LONE_ROUNDS: Final = 5


def measure_ceilings(package: Path, images: Sequence[bytes], seconds: float) -> dict[str, float]:
    """Return images a second, by what was measured."""
    classifier = _load(package, threads=1)
    limits = DecodeLimits()
    cores = len(os.sched_getaffinity(0))

    def decode(image: bytes) -> None:
        classifier.prepare(image, limits=limits)

    height, width = classifier.manifest.crop_hw
    grey = np.full((1, height, width, 3), 127, np.uint8)

    def run(image: bytes) -> None:
        classifier.run(grey)

    def answer(image: bytes) -> None:
        pixels = classifier.prepare(image, limits=limits).pixels
        classifier.run(pixels[np.newaxis])

    return {
        "decode only": _in_threads(decode, images, cores, seconds),
        "model only, a batch on all cores": _model_alone(_load(package, threads=cores), seconds),
        "model only, an image on each core": _in_threads(run, images, cores, seconds),
        BOTH: _in_threads(answer, images, cores, seconds),
    }


def measure_lone_ms(package: Path, images: Sequence[bytes]) -> float:
    """Return how long a lone image takes (median), with as many threads as make it quickest."""
    return min(
        _lone_ms(_load(package, threads=threads), images)
        for threads in {1, len(os.sched_getaffinity(0))}
    )


def _lone_ms(classifier: Classifier, images: Sequence[bytes]) -> float:
    taken = []
    for image in [*images] * _LONE_ROUNDS:
        started = time.perf_counter()
        classifier.run(classifier.prepare(image).pixels[np.newaxis])
        taken.append(time.perf_counter() - started)
    return 1e3 * statistics.median(taken[len(images) :])  # the first round warms up


def _load(package: Path, *, threads: int) -> Classifier:
    config = SessionConfig(provider="cpu", intra_op_threads=threads)
    return Classifier.load(read_package(package), session=config, precision="fp32")


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
