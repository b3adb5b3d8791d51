"""Check the GPU path against the CPU, then time it: `python -m benchmarks.gpu.bench PACKAGE PHOTOS`.

First every claim of docs/gpu.md is checked, and the first that does not hold ends the run with exit
code 1. Then images/s and milliseconds a batch, for each batch size, of CUDA, CUDA with graphs and, with
`--tensorrt`, TensorRT, in each precision of the package, and the decoder's rate on all cores, which
is the ceiling of the whole. Prints one Markdown table and, as the last line, JSON.
"""

import argparse
import dataclasses
import json
import os
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnxruntime as ort

from inference import Classifier, Package, SessionConfig, SessionError, check_golden, read_package
from inference.manifest import Precision
from inference.pinned import has_gpu, pinned_array

SIZES: Final = (1, 2, 4, 8, 16, 32, 64)
SECONDS_EACH: Final = 0.5
# Largest difference of a probability from the CPU's fp32 answer.
TOLERANCE: Final = {"fp32": 0.01, "fp16": 0.03, "int8": 0.08}
CUDA: Final = SessionConfig(provider="cuda", require_gpu=True, max_batch=max(SIZES))


def main() -> int:
    """Run the checks and the timings; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("package", type=Path)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--tensorrt", action="store_true", help="its libraries are installed")
    args = parser.parse_args()
    package = read_package(args.package)
    photos = [file.read_bytes() for file in sorted(args.photos.iterdir()) if file.is_file()]
    configs = {"cuda": CUDA, "cuda graphs": dataclasses.replace(CUDA, cuda_graphs=True)}
    if args.tensorrt:
        configs["tensorrt"] = dataclasses.replace(CUDA, provider="tensorrt")
    print(f"onnxruntime {ort.__version__}, {os.cpu_count()} cores")
    pixels = check(package, photos)
    rows = [
        row
        for precision in package.manifest.files or {}
        for name, config in configs.items()
        for row in measure(package, precision, name, config, pixels)
    ]
    show(rows, decode_rate(package, photos))
    return 0


def check(package: Package, photos: Sequence[bytes]) -> np.ndarray:
    """Hold the GPU path to its claims; return the photos' pixels, (N, H, W, 3)."""
    claim("the CUDA driver answers", has_gpu())
    claim("host memory is page-locked", pinned_array((4, 224, 224, 3))[1])
    cpu = Classifier.load(package, session=SessionConfig(provider="cpu"))
    pixels = np.stack([cpu.prepare(photo).pixels for photo in photos])
    expected = cpu.run(pixels).probabilities
    for precision in package.manifest.files or {}:
        gpu = Classifier.load(package, session=CUDA, precision=precision)
        claim(f"{precision}: the session says 'cuda'", gpu.session.provider == "cuda")
        claim(f"{precision}: golden images hold", check_golden(gpu, package.path) > 0)
        for count in (1, 2, 3, 5, len(pixels)):
            got = gpu.run(pixels[:count]).probabilities
            off = float(np.abs(got - expected[:count]).max())
            claim(f"{precision}: {count} images are off by {off:.5f}", off <= TOLERANCE[precision])
        check_threads(gpu, pixels, precision)
    return pixels


def check_threads(gpu: Classifier, pixels: np.ndarray, precision: Precision) -> None:
    """Batches that run at one time must answer as each does alone."""
    alone = [gpu.run(pixels[index : index + 3]).logits for index in range(8)]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(10):
            together = pool.map(lambda index: gpu.run(pixels[index : index + 3]).logits, range(8))
            same = all(np.allclose(a, b, atol=0.05) for a, b in zip(alone, together, strict=True))
            if not same:
                claim(f"{precision}: batches at one time are not mixed up", holds=False)
    claim(f"{precision}: batches at one time are not mixed up", holds=True)


def claim(what: str, holds: bool) -> None:
    """Print a claim and whether it holds; end the run where it does not."""
    print(f"{'ok' if holds else 'does not hold'}: {what}", flush=True)
    if not holds:
        sys.exit(1)


def measure(
    package: Package, precision: Precision, name: str, config: SessionConfig, pixels: np.ndarray
) -> list[dict[str, Any]]:
    """Time one configuration at every batch size; one that cannot be had is a row that says so."""
    started = time.perf_counter()
    try:
        model = Classifier.load(package, session=config, precision=precision)
        model.run(pixels[:1])
    except SessionError as err:
        return [{"config": name, "precision": precision, "problem": str(err)}]
    load_s = time.perf_counter() - started
    rows = []
    for size in SIZES:
        batch = np.resize(pixels, (size, *pixels.shape[1:]))
        times = sorted(time_runs(model, batch))
        rows.append(
            {
                "config": name,
                "precision": precision,
                "batch": size,
                "ms_p50": round(times[len(times) // 2] * 1e3, 3),
                "ms_p99": round(times[int(len(times) * 0.99)] * 1e3, 3),
                "images_per_s": round(size * len(times) / sum(times)),
                "two_at_once_per_s": round(rate_of_two(model, batch)),
                "load_s": round(load_s, 2),
            }
        )
    return rows


def time_runs(model: Classifier, batch: np.ndarray) -> list[float]:
    """Return the seconds of runs for about a second, the first ones, which warm up, left out."""
    for _ in range(5):
        model.run(batch)
    times: list[float] = []
    while sum(times) < SECONDS_EACH:
        started = time.perf_counter()
        model.run(batch)
        times.append(time.perf_counter() - started)
    return times


def rate_of_two(model: Classifier, batch: np.ndarray) -> float:
    """Return images/s with two batches at one time, one of which is copied while the other runs."""
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: model.run(batch), range(4)))
        started, runs = time.perf_counter(), 0
        while time.perf_counter() - started < SECONDS_EACH:
            list(pool.map(lambda _: model.run(batch), range(8)))
            runs += 8
        return len(batch) * runs / (time.perf_counter() - started)


def decode_rate(package: Package, photos: Sequence[bytes]) -> float:
    """Return photos/s decoded to the model's input on all cores."""
    model = Classifier.load(package, session=SessionConfig(provider="cpu"))
    many = list(photos) * 20
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        list(pool.map(model.prepare, photos))
        started = time.perf_counter()
        list(pool.map(model.prepare, many))
        return len(many) / (time.perf_counter() - started)


def show(rows: list[dict[str, Any]], decode_per_s: float) -> None:
    """Print the table, and everything as JSON."""
    columns = (
        "config",
        "precision",
        "batch",
        "ms_p50",
        "ms_p99",
        "images_per_s",
        "two_at_once_per_s",
    )
    print("\n| " + " | ".join(columns) + " |\n|" + "---|" * len(columns))
    for row in rows:
        print(
            "| " + " | ".join(str(row.get(name, row.get("problem", ""))) for name in columns) + " |"
        )
    print(f"\ndecoding on all cores: {decode_per_s:.0f} photos/s")
    print(json.dumps({"rows": rows, "decode_per_s": decode_per_s, "onnxruntime": ort.__version__}))


if __name__ == "__main__":
    sys.exit(main())
