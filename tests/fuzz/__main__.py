"""Look for small inputs that cost much: image files for the decoder, JSON for its readers.

    make fuzz
    python -m tests.fuzz --minutes 10 --seed 3 --out finds/

Hypothesis puts inputs together and goes on from those that cost most (`hypothesis.target`). What costs
more than it may, or ends in an error that is none of ours, is written to `--out` and makes the exit code
1. A find becomes a test: an entry of `tests/hostile_images.py`, or a case beside the reader.
"""

import argparse
import itertools
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import hypothesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from inference.decoding import DecodeLimits, read_header
from inference.errors import InferenceError
from inference.manifest import parse_manifest
from inference.preprocessing import prepare_image
from service.bodies.json_images import read_json_images
from service.bodies.uploads import UploadLimits
from service.errors import ServiceError
from service.oip.wire import parse_request
from tests.builders import SPEC
from tests.fuzz.images import FORMATS
from tests.fuzz.json_texts import TEXTS

# A twelfth of the service's limits, so that an input takes a twelfth of the time.
_IMAGE_LIMITS: Final = DecodeLimits(
    max_pixels=4_000_000, max_seconds=0.16, max_memory_bytes=40 * 10**6
)
_UPLOAD_LIMITS: Final = UploadLimits(
    max_image_bytes=16 * 2**20, max_request_bytes=64 * 2**20, max_images=32
)
_EXAMPLES_A_ROUND: Final = 100
_STATUS: Final = Path("/proc/self/status")


@dataclass(slots=True)
class Target:
    """What is fed, and what one input of it may cost: some three times what was seen on a busy machine."""

    name: str
    inputs: st.SearchStrategy[bytes]
    read: Callable[[bytes], object]
    max_seconds: float
    max_mb: float
    tried: int = 0
    dearest: dict[str, float] = field(default_factory=lambda: {"s": 0.0, "MB": 0.0})
    finds: dict[str, bytes] = field(default_factory=dict)

    def try_once(self, data: bytes) -> None:
        """Feed one input, and keep it where it costs too much."""
        self.tried += 1
        seconds, grown_mb, problem = _measure(self.read, data)
        if seconds > self.max_seconds:  # once more: others may have had the cache
            seconds = min(seconds, _measure(self.read, data)[0])
        self.dearest["s"] = max(self.dearest["s"], seconds)
        self.dearest["MB"] = max(self.dearest["MB"], grown_mb)
        hypothesis.target(seconds, label="seconds")
        hypothesis.target(grown_mb, label="MB")
        if seconds > self.max_seconds:
            problem = f"{seconds:.2f} s of a core"
        elif grown_mb > self.max_mb:
            problem = f"{grown_mb:.0f} MB"
        if problem is not None:
            self._keep(problem, data)

    def _keep(self, problem: str, data: bytes) -> None:
        kind = problem.rpartition(" ")[2] if problem[0].isdigit() else problem
        if kind not in self.finds or len(data) < len(self.finds[kind]):
            self.finds[kind] = data
            print(f"{self.name}: {problem} for {len(data):,} bytes, {data[:60]!r}…", flush=True)


def main() -> int:
    """Run the command line; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5, help="all targets together (5)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", help="targets whose name has this in it")
    parser.add_argument("--out", type=Path, help="a folder for what was found")
    args = parser.parse_args()
    targets = [target for target in _targets() if (args.only or "") in target.name]
    ends_at = time.monotonic() + args.minutes * 60
    for number in itertools.count():
        for target in targets:
            _round(target, args.seed * 1_000_000 + number, ends_at)
        if time.monotonic() > ends_at:
            break
    for target in targets:
        dearest = f"{target.dearest['s']:.2f} s, {target.dearest['MB']:.0f} MB"
        print(
            f"{target.name:20} {target.tried:7,} inputs, dearest {dearest}, {len(target.finds)} finds"
        )
        if args.out is not None:
            _write(args.out, target)
    return 1 if any(target.finds for target in targets) else 0


def _targets() -> list[Target]:
    images = [
        Target(f"image {name}", inputs, _read_image, max_seconds=0.8, max_mb=90)
        for name, inputs in FORMATS.items()
    ]
    readers: dict[str, Callable[[bytes], object]] = {
        "json /predict": lambda body: read_json_images(
            body, max_images=32, options=frozenset({"top_k"})
        ),
        "json /v2": lambda body: parse_request(body, None, limits=_UPLOAD_LIMITS),
        "json manifest": lambda body: parse_manifest(body.decode("utf-8", "replace")),
    }
    texts = [
        Target(name, TEXTS, read, max_seconds=1.0, max_mb=150) for name, read in readers.items()
    ]
    return [*images, *texts]


def _read_image(data: bytes) -> None:
    header = read_header(data, shorter_px=SPEC.resize_shorter_px)
    prepared = prepare_image(data, SPEC, limits=_IMAGE_LIMITS)
    width, height = prepared.source_wh
    assert header is not None
    assert header.num_pixels >= width * height, "the header says less than Pillow finds"


def _round(target: Target, seed: int, ends_at: float) -> None:
    @hypothesis.seed(seed)
    @settings(
        max_examples=_EXAMPLES_A_ROUND,
        database=None,
        deadline=None,
        phases=[Phase.generate, Phase.target],
        suppress_health_check=list(HealthCheck),
    )
    @given(target.inputs)
    def feed(data: bytes) -> None:
        if time.monotonic() < ends_at:
            target.try_once(data)

    feed()


def _measure(read: Callable[[bytes], object], data: bytes) -> tuple[float, float, str | None]:
    """Return seconds of a core, megabytes at the peak, and an error that is none of ours."""
    problem = None
    Path("/proc/self/clear_refs").write_text("5")
    before_mb, started = _memory_mb("VmRSS"), time.thread_time()
    try:
        read(data)
    except (InferenceError, ServiceError):
        pass
    except (ArithmeticError, AssertionError, AttributeError, LookupError, MemoryError) as err:
        problem = f"{type(err).__name__}: {str(err)[:100]}"
    except (OSError, RecursionError, RuntimeError, TypeError, ValueError) as err:
        problem = f"{type(err).__name__}: {str(err)[:100]}"
    return time.thread_time() - started, _memory_mb("VmHWM") - before_mb, problem


def _memory_mb(name: str) -> float:
    return int(_STATUS.read_text().partition(f"{name}:")[2].split()[0]) / 1024


def _write(folder: Path, target: Target) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(target.finds.values()):
        (folder / f"{target.name.replace(' ', '-').replace('/', '')}-{number}").write_bytes(data)


if __name__ == "__main__":
    sys.exit(main())
