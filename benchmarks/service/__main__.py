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
from pathlib import Path
from typing import Any, Final

import uvloop

from benchmarks.service.ceilings import measure_ceilings
from benchmarks.service.faults import measure_faults
from benchmarks.service.load import HUNG_UP, Result, closed_loop, open_loop
from benchmarks.service.servers import ECHO, SERVERS, Package, Server, running
from scripts.children import Children

CONNECTIONS: Final = (1, 4, 16, 64)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print, and return the exit code."""
    args = _parser().parse_args(argv)
    package = Package(folder=args.package.absolute())
    images = [
        path.read_bytes()
        for path in sorted(args.photos.iterdir())
        if path.suffix.lower() in (".jpg", ".jpeg")
    ]
    chosen = [server for server in SERVERS if not args.only or server.name in args.only]
    print(_conditions(package, images))
    measured: dict[str, Any] = {}
    failed: dict[str, str] = {}
    if not args.only:
        measured["ceilings"] = measure_ceilings(package.folder, images, args.seconds)
    with Children() as children, tempfile.TemporaryDirectory() as logs:
        for server in [*([] if args.only else [ECHO]), *chosen]:
            print(f"{server.name} …", file=sys.stderr, flush=True)
            log = Path(logs) / f"{server.name}.log"
            # One that does not start, or dies, must not cost what was measured of the others.
            try:
                with running(server, package, images[0], children, log) as (port, session_id):
                    coroutine = _measure(server, port, session_id, images, args)
                    measured[server.name] = uvloop.run(coroutine)
            except (RuntimeError, OSError) as err:
                failed[server.name] = f"{err}\n{log.read_text(errors='replace')[-2000:]}"
                print(f"{server.name} failed: {failed[server.name]}", file=sys.stderr)
    _print_tables(measured, args)
    print(json.dumps(measured))
    return 1 if failed else 0


async def _measure(
    server: Server, port: int, session_id: int, images: Sequence[bytes], args: argparse.Namespace
) -> dict[str, Any]:
    requests = [server.request(image) for image in images]
    await closed_loop(port, requests, connections=16, seconds=args.warm_up)
    found: dict[str, Any] = {}
    for connections in CONNECTIONS:
        result = await closed_loop(port, requests, connections=connections, seconds=args.seconds)
        found[str(connections)] = _summary(result)
    if server is ECHO:
        return found
    rate = 2 * found["64"]["per_s"]
    timed = [server.request(image, deadline_s=args.deadline) for image in images]
    overloaded = await open_loop(
        port, timed, rate_per_s=rate, seconds=args.overload_seconds, deadline_s=args.deadline
    )
    found["overload"] = _summary(overloaded) | {"rate_per_s": rate}
    await asyncio.sleep(args.deadline)  # what hung-up clients left behind
    faults = await measure_faults(server, port, images, session_id)
    found["faults"] = {name: getattr(faults, name) for name in faults.__slots__}
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


def _print_tables(measured: dict[str, Any], args: argparse.Namespace) -> None:
    for name, per_s in measured.get("ceilings", {}).items():
        print(f"Ceiling, {name}: {per_s:.0f} images/s")
    print("\n| server | " + " | ".join(f"{n} conn. images/s, p50/p95/p99 ms" for n in CONNECTIONS))
    print("|---" * (len(CONNECTIONS) + 1) + "|")
    rows = {name: found for name, found in measured.items() if name != "ceilings"}
    for name, found in rows.items():
        cells = (_cell(found[str(connections)]) for connections in CONNECTIONS)
        print(f"| {name} | " + " | ".join(cells) + " |")
    print(
        f"\nTwice capacity, {args.overload_seconds:g} s, clients hang up after {args.deadline:g} s:\n"
    )
    print("| server | offered/s | in time/s | share in time | refused | hung up | other | p99 ms |")
    print("|---|---|---|---|---|---|---|---|")
    for name, found in rows.items():
        if "overload" in found:
            print(f"| {name} | {_overload_cells(found['overload'])} |")
    print(
        "\n| server | neighbours of a bad image that failed | bad image | 0.5 GB body | 1 byte/s |"
    )
    print("|---|---|---|---|---|")
    for name, found in rows.items():
        if "faults" in found:
            seen = found["faults"]
            share = f"{seen['failed_neighbours']} of {seen['neighbours']}"
            rest = f"{seen['bad_status']} | {seen['huge_body']} | {seen['slow_body']}"
            print(f"| {name} | {share} | {rest} |")
    cost = max((found["16"]["generator_cpu_ms"] for found in rows.values()), default=0.0)
    print(f"\nThe load generator took at most {cost:.2f} ms of CPU a request at 16 connections.\n")


def _cell(found: dict[str, Any]) -> str:
    text = (
        f"{found['per_s']:.1f}, {found['p50_ms']:.0f}/{found['p95_ms']:.0f}/{found['p99_ms']:.0f}"
    )
    failed = sum(count for status, count in found["statuses"].items() if status != "200")
    return f"{text}, {failed} failed" if failed else text


def _overload_cells(found: dict[str, Any]) -> str:
    statuses = found["statuses"]
    total = sum(statuses.values())
    good, hung_up = statuses.get("200", 0), statuses.get(str(HUNG_UP), 0)
    refused = statuses.get("429", 0) + statuses.get("503", 0)
    cells = (
        f"{found['rate_per_s']:.0f}",
        f"{found['per_s']:.1f}",
        f"{good / total:.0%}",
        str(refused),
        str(hung_up),
        str(total - good - refused - hung_up),
        f"{found['p99_ms']:.0f}",
    )
    return " | ".join(cells)


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
    parser.add_argument("--only", nargs="*", default=[], help="these servers and no ceilings")
    parser.add_argument("--seconds", type=float, default=15, help="of each closed loop [15]")
    parser.add_argument("--warm-up", type=float, default=5, help="seconds before it counts [5]")
    parser.add_argument("--overload-seconds", type=float, default=60)
    parser.add_argument("--deadline", type=float, default=1.0, help="of a client under overload, s")
    return parser


if __name__ == "__main__":
    sys.exit(main())
