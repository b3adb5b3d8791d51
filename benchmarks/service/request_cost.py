"""What a request costs beside its image and its model: a tiny JPEG and a model of nearly no cost.

    python -m benchmarks.service.request_cost
    python -m benchmarks.service.request_cost --code ../before .    # of the sources of two checkouts, in turn

Prints milliseconds of a core a request, over several rounds at so many connections: of the event loop,
which is the service's main thread (nothing of the image or the model is in it), and of all its threads,
decoding (about 0.1 ms) included. The client's own are in neither. Where something else runs beside it,
the lowest round is nearest to the truth.
"""

import argparse
import asyncio
import dataclasses
import statistics
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.service.load import closed_loop
from benchmarks.service.processes import cpu_seconds, main_thread_seconds
from benchmarks.service.servers import SERVERS, Package, running
from scripts.children import Children
from tests.builders import coloured, make_package

_WARM_UP_S: Final = 1.0
_OURS: Final = SERVERS[0]


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print, and return 1 where a request failed."""
    args = _parser().parse_args(argv)
    image = coloured("red", (32, 32), "JPEG")
    request = _OURS.request(image)
    failed = 0
    with ExitStack() as stack:
        children = stack.enter_context(Children())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        package = Package(folder=make_package(folder / "models"))
        started = []
        for index, code in enumerate(args.code):
            server = dataclasses.replace(_OURS, root=code.resolve())
            log = folder / f"service-{index}.log"
            port, pid = stack.enter_context(running(server, package, image, children, log))
            asyncio.run(closed_loop(port, [request], connections=1, seconds=_WARM_UP_S))
            started.append((code, port, pid))
        for connections in args.connections:
            rounds: dict[Path, list[_Round]] = {code: [] for code in args.code}
            for _ in range(args.rounds):
                for code, port, pid in started:
                    rounds[code].append(_measure(port, pid, request, connections, args.seconds))
            for code, measured in rounds.items():
                failed += sum(round_.failed for round_ in measured)
                _print(code if len(started) > 1 else None, connections, measured)
    return 1 if failed else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Round:
    """Milliseconds of a core a request, of the event loop and of all threads."""

    event_loop_ms: float
    all_ms: float
    per_s: float
    failed: int


def _measure(port: int, pid: int, request: bytes, connections: int, seconds: float) -> _Round:
    loop_s, all_s = main_thread_seconds(pid), cpu_seconds(pid)
    result = asyncio.run(closed_loop(port, [request], connections=connections, seconds=seconds))
    answered = result.statuses[200]
    return _Round(
        event_loop_ms=(main_thread_seconds(pid) - loop_s) * 1e3 / answered,
        all_ms=(cpu_seconds(pid) - all_s) * 1e3 / answered,
        per_s=result.per_s,
        failed=sum(result.statuses.values()) - answered,
    )


def _print(code: Path | None, connections: int, rounds: Sequence[_Round]) -> None:
    loop, everything = [r.event_loop_ms for r in rounds], [r.all_ms for r in rounds]
    of = f"{code}, " if code else ""
    print(
        f"{of}{connections:3} connections: event loop {statistics.median(loop):.3f} ms of CPU a request "
        f"(rounds {min(loop):.3f} to {max(loop):.3f}), all threads {statistics.median(everything):.3f} "
        f"({min(everything):.3f} to {max(everything):.3f}), "
        f"{statistics.median(r.per_s for r in rounds):.0f} requests/s",
        flush=True,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--code",
        type=Path,
        nargs="+",
        default=[_OURS.root],
        help="the checkouts that serve, in turn",
    )
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 16])
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=1.0, help="of each round")
    return parser


if __name__ == "__main__":
    sys.exit(main())
