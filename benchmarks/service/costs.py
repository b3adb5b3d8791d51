"""What an image costs any server: decoding, resizing and the model, in ms of a core, for each precision.

From these and the load generator's own time follows the most images/s that a server could answer on
this machine, whatever it is written in. What a server takes above them is HTTP and all the rest.
"""

import os
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

from benchmarks.service.rounds import Round
from inference import Classifier, DecodeLimits, SessionConfig, read_package
from inference.decoding import DecodedImage, decode_image
from inference.manifest import Precision
from inference.preprocessing import preprocess

DECODE: Final = "decode_ms"
RESIZE: Final = "resize_ms"
MODEL: Final = "model_ms"
_TIMES: Final = 5
_MODEL_TIMES: Final = 12
_BATCHES: Final = (1, 2, 4)
_SHOWN_AT: Final = ("1", "16")

Cost = Mapping[str, float]


def measure_costs(
    package: Path, images: Sequence[bytes], precisions: Sequence[Precision]
) -> dict[str, Cost]:
    """Return, for each precision, ms of a core an image: the lowest of several times.

    The model's is that of the batch size that takes least, with one thread.
    """
    published = read_package(package)
    spec = published.manifest.preprocessing

    def decode(image: bytes) -> DecodedImage:
        return decode_image(
            image, shorter_px=spec.resize_shorter_px, limits=DecodeLimits(), decoder=spec.decoder
        )

    decoded = [decode(image) for image in images]
    pixels = [preprocess(image, spec) for image in decoded]
    decode_ms = statistics.mean(_lowest_ms(partial(decode, i), _TIMES) for i in images)
    resize_ms = statistics.mean(_lowest_ms(partial(preprocess, i, spec), _TIMES) for i in decoded)
    found: dict[str, Cost] = {}
    for precision in precisions:
        session = SessionConfig(intra_op_threads=1)
        classifier = Classifier.load(published, session=session, precision=precision)
        model_ms = min(
            _lowest_ms(partial(classifier.run, pixels[:batch]), _MODEL_TIMES) / batch
            for batch in _BATCHES
        )
        found[precision] = {DECODE: decode_ms, RESIZE: resize_ms, MODEL: model_ms}
    return found


def middle_costs(rounds: Sequence[Round]) -> dict[str, Cost]:
    """Return the median of each part, of the rounds that have it."""
    with_any = [found.costs for found in rounds if found.costs]
    if not with_any:
        return {}
    return {
        precision: {
            part: statistics.median(costs[precision][part] for costs in with_any) for part in cost
        }
        for precision, cost in with_any[0].items()
    }


def most_images_per_s(cost: Cost, generator_ms: float) -> float:
    """Return the images/s above which no server can be: all cores do nothing else, without a gap."""
    return 1e3 * len(os.sched_getaffinity(0)) / (sum(cost.values()) + generator_ms)


def print_costs(
    costs: Mapping[str, Cost],
    measured: Mapping[str, Mapping[str, Any]],
    servers: Mapping[Precision, str],
) -> None:
    """Print what an image's time goes to; `servers` has the name of our server by precision."""
    rows = [
        (precision, costs[precision], measured[name])
        for precision, name in servers.items()
        if precision in costs and name in measured
    ]
    if not rows:
        return
    print("\nWhere an image's time goes, ms of a core, and the most images/s of any server here:\n")
    print(
        "| | decode | resize | model | conn. | event loop | rest | load generator | all "
        "| most/s | reached |\n|---|---|---|---|---|---|---|---|---|---|---|"
    )
    for precision, cost, found in rows:
        for connections in _SHOWN_AT:
            print(f"| {precision} | {_cells(cost, found[connections], connections)} |")


def _cells(cost: Cost, load: Mapping[str, Any], connections: str) -> str:
    server_ms, loop_ms = load["server_cpu_ms"], load["event_loop_ms"]
    generator_ms = load["generator_cpu_ms"]
    most = most_images_per_s(cost, generator_ms)
    parts = (*(cost[part] for part in (DECODE, RESIZE, MODEL)), loop_ms)
    shown = [f"{ms:.2f}" for ms in parts]
    shown.insert(3, connections)
    shown += [f"{server_ms - sum(parts):.2f}", f"{generator_ms:.2f}"]
    shown += [f"{server_ms + generator_ms:.2f}", f"{most:.0f}", f"{load['per_s'] / most:.0%}"]
    return " | ".join(shown)


def _lowest_ms(work: Callable[[], object], times: int) -> float:
    lowest = float("inf")
    for _ in range(times):
        started = time.process_time()
        work()
        lowest = min(lowest, time.process_time() - started)
    return 1e3 * lowest
