"""What a request costs beside its image and its model: a tiny JPEG and a model of nearly no cost.

    python -m benchmarks.service.request_cost
    python -m benchmarks.service.request_cost --code ../other-checkout    # the same of other sources

Prints milliseconds of a core a request of the service's process, over several rounds at so many
connections: the client's own are not in them, those of the image's decoding (about 0.1 ms) are.
"""

import argparse
import asyncio
import dataclasses
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from benchmarks.service.load import Result, closed_loop
from benchmarks.service.processes import cpu_seconds
from benchmarks.service.servers import SERVERS, Package, running
from scripts.children import Children
from tests.builders import coloured, make_package

_WARM_UP_S: Final = 3.0
_OURS: Final = SERVERS[0]


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print, and return 1 where a request failed."""
    args = _parser().parse_args(argv)
    image = coloured("red", (32, 32), "JPEG")
    server = dataclasses.replace(_OURS, root=args.code.resolve())
    with Children() as children, tempfile.TemporaryDirectory() as folder:
        package = Package(folder=make_package(Path(folder) / "models"))
        log = Path(folder) / "service.log"
        with running(server, package, image, children, log) as (port, pid):
            request = server.request(image)
            asyncio.run(closed_loop(port, [request], connections=1, seconds=_WARM_UP_S))
            failed = 0
            for connections in args.connections:
                rounds = [
                    _measure(port, pid, request, connections, args.seconds)
                    for _ in range(args.rounds)
                ]
                failed += sum(
                    sum(result.statuses.values()) - result.statuses[200] for result, _ in rounds
                )
                _print(connections, rounds)
    return 1 if failed else 0


def _measure(
    port: int, pid: int, request: bytes, connections: int, seconds: float
) -> tuple[Result, float]:
    before_s = cpu_seconds(pid)
    result = asyncio.run(closed_loop(port, [request], connections=connections, seconds=seconds))
    return result, (cpu_seconds(pid) - before_s) * 1e3 / result.statuses[200]


def _print(connections: int, rounds: Sequence[tuple[Result, float]]) -> None:
    costs_ms = [cost_ms for _, cost_ms in rounds]
    per_s = statistics.median(result.statuses[200] / result.seconds for result, _ in rounds)
    print(
        f"{connections:3} connections: {statistics.median(costs_ms):.3f} ms of CPU a request "
        f"(rounds {min(costs_ms):.3f} to {max(costs_ms):.3f}), {per_s:.0f} requests/s",
        flush=True,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--code", type=Path, default=_OURS.root, help="the checkout that serves")
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 16])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=6.0, help="of each round")
    return parser


if __name__ == "__main__":
    sys.exit(main())
