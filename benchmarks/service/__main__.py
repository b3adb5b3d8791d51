"""Our service beside others, on this machine, in one run.

    python -m benchmarks.service --package models/clothing/1 --photos ../shared/data/photos

Every server gets the same model file and the same photos, one after another, in an environment of its
own that is built on the first run; the load generator shares their cores. Prints Markdown tables and a
line of JSON.
"""

import argparse
import asyncio
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import uvloop

from benchmarks.service.aims import judge, print_aims
from benchmarks.service.ceilings import measure_ceilings, measure_lone_ms
from benchmarks.service.faults import measure_faults
from benchmarks.service.load import Result, closed_loop, open_loop
from benchmarks.service.processes import watch_memory
from benchmarks.service.servers import ECHO, SERVERS, Package, Server, running
from benchmarks.service.tables import CONNECTIONS, print_tables
from scripts.children import Children

# After which a client under overload hangs up.
DEADLINE_S: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """Seconds of each measurement, the same for every server."""

    warm_up_s: float
    closed_s: float
    overload_s: float
    patience_s: float


FULL: Final = Times(warm_up_s=5, closed_s=15, overload_s=60, patience_s=60)
QUICK: Final = Times(warm_up_s=3, closed_s=6, overload_s=20, patience_s=20)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print, and return 1 where a server failed."""
    args = _parser().parse_args(argv)
    times = QUICK if args.quick else FULL
    package = Package(folder=args.package.absolute())
    images = [
        path.read_bytes()
        for path in sorted(args.photos.iterdir())
        if path.suffix.lower() in (".jpg", ".jpeg")
    ]
    chosen = [server for server in SERVERS if not args.only or server.name in args.only]
    print(_conditions(package, images))
    ceilings = measure_ceilings(package.folder, images, times.closed_s)
    lone_ms = measure_lone_ms(package.folder, images)
    measured: dict[str, Any] = {}
    failed: dict[str, str] = {}
    with Children() as children, tempfile.TemporaryDirectory() as logs:
        for server in [ECHO, *chosen]:
            print(f"{server.name} …", file=sys.stderr, flush=True)
            log = Path(logs) / f"{server.name}.log"
            # One that does not start, or dies, must not cost what was measured of the others.
            try:
                with running(server, package, images[0], children, log) as (port, session_id):
                    coroutine = _measure(server, port, session_id, images, times)
                    measured[server.name] = uvloop.run(coroutine)
            except (RuntimeError, OSError) as err:
                failed[server.name] = f"{err}\n{log.read_text(errors='replace')[-2000:]}"
                print(f"{server.name} failed: {failed[server.name]}", file=sys.stderr)
    for name, per_s in ceilings.items():
        print(f"Ceiling, {name}: {per_s:.0f} images/s")
    print_tables(measured, deadline_s=DEADLINE_S)
    print_aims(judge(measured, ceilings=ceilings, lone_ms=lone_ms, deadline_s=DEADLINE_S))
    print(json.dumps({"ceilings": ceilings, "lone_ms": lone_ms, **measured}))
    return 1 if failed else 0


async def _measure(
    server: Server, port: int, session_id: int, images: Sequence[bytes], times: Times
) -> dict[str, Any]:
    requests = [server.request(image) for image in images]
    await closed_loop(port, requests, connections=16, seconds=times.warm_up_s)
    found: dict[str, Any] = {}
    for connections in CONNECTIONS:
        result = await closed_loop(port, requests, connections=connections, seconds=times.closed_s)
        found[str(connections)] = _summary(result)
    if server is ECHO:
        return found
    rate = 2 * found["64"]["per_s"]
    timed = [server.request(image, deadline_s=DEADLINE_S) for image in images]
    async with watch_memory(session_id) as memory:
        overloaded = await open_loop(
            port, timed, rate_per_s=rate, seconds=times.overload_s, deadline_s=DEADLINE_S
        )
    found["overload"] = _summary(overloaded) | {"rate_per_s": rate, "memory": asdict(memory)}
    await asyncio.sleep(DEADLINE_S)  # what hung-up clients left behind
    faults = await measure_faults(server, port, images, session_id, patience_s=times.patience_s)
    found["faults"] = asdict(faults)
    return found


def _summary(result: Result) -> dict[str, Any]:
    answers = sum(result.statuses.values())
    return {
        "per_s": result.per_s,
        "p50_ms": result.percentile_ms(50),
        "p95_ms": result.percentile_ms(95),
        "p99_ms": result.percentile_ms(99),
        "statuses": {str(status): count for status, count in sorted(result.statuses.items())},
        "generator_cpu_ms": 1e3 * result.cpu_seconds / max(1, answers),
    }


def _conditions(package: Package, images: Sequence[bytes]) -> str:
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True
    ).stdout.strip()
    kilobytes = sum(map(len, images)) / len(images) / 1e3
    return (
        f"commit {commit}, Python {platform.python_version()}, {len(os.sched_getaffinity(0))} cores, "
        f"load {os.getloadavg()[0]:.1f}, model {package.folder.parent.name} "
        f"version {package.folder.name}, {len(images)} photos of {kilobytes:.0f} KB\n"
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--package", type=Path, required=True, help="a published version's folder")
    parser.add_argument("--photos", type=Path, required=True, help="a folder of JPEG files")
    parser.add_argument("--only", nargs="*", default=[], help="these servers")
    parser.add_argument(
        "--quick", action="store_true", help="a third of the time for each measurement"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
