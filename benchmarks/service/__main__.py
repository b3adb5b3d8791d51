"""Our service beside others, on this machine, in one run.

    python -m benchmarks.service --package models/clothing/1 --photos ../shared/data/photos

Every server gets the same model file and the same photos, one after another, in an environment of its
own that is built on the first run; the load generator shares their cores. What is measured at steady load
is measured in several rounds (`rounds.py`). Prints Markdown tables and a line of JSON; a run that is
interrupted (Ctrl-C, SIGTERM) prints what it has, and `--resume` goes on from there.
"""

import argparse
import asyncio
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import uvloop

from benchmarks.machine import this_machine
from benchmarks.service.aims import OURS_BY_PRECISION, judge, print_aims
from benchmarks.service.ceilings import measure_ceilings, measure_lone_ms
from benchmarks.service.costs import measure_costs, middle_costs, print_costs
from benchmarks.service.faults import measure_faults
from benchmarks.service.kept_run import OtherRun, read_run, write_run
from benchmarks.service.load import ARRIVALS, Result, closed_loop, open_loop
from benchmarks.service.processes import cpu_seconds, main_thread_seconds, watch_memory
from benchmarks.service.rounds import Loads, Round, in_order, middle_ceilings, middle_loads
from benchmarks.service.servers import ECHO, SERVERS, Package, Server, running
from benchmarks.service.tables import CONNECTIONS, print_tables
from scripts.children import Children, Stopped

# After which a client under overload hangs up.
DEADLINE_S: Final = 1.0
# Of what it answers at 64 connections: busy, not overloaded.
_BUSY_SHARE: Final = 0.7
# A server's start, and the costs of an image in a process of its own, on the average.
_START_S: Final = 8.0
_COSTS_S: Final = 25.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """Seconds of each measurement, the same for every server."""

    warm_up_s: float
    closed_s: float
    overload_s: float
    patience_s: float

    def all_s(self, num_servers: int, rounds: int) -> float:
        """Return about how long a run of so many servers takes, their environments not included."""
        steady_s = _START_S + self.warm_up_s + len(CONNECTIONS) * self.closed_s
        strain_s = len(ARRIVALS) * self.closed_s + self.overload_s + self.patience_s + 5
        ceilings_s = len(CONNECTIONS) * self.closed_s + _COSTS_S
        return rounds * (ceilings_s + num_servers * steady_s) + num_servers * strain_s


# Of all servers, three rounds: 40 minutes.
FULL: Final = Times(warm_up_s=3, closed_s=8, overload_s=30, patience_s=15)
QUICK: Final = Times(warm_up_s=2, closed_s=4, overload_s=12, patience_s=10)


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
    chosen = [
        server
        for server in SERVERS
        if (package.folder / server.needs).is_file() and (not args.only or server.name in args.only)
    ]
    conditions = _conditions(package, images)
    print(f"{conditions.rstrip()}, load {os.getloadavg()[0]:.1f}\n")
    run = _Run(package=package, images=images, times=times, rounds=args.rounds, file=args.file)
    if args.resume:
        try:
            run.go_on()
        except (OSError, OtherRun) as err:
            print(f"cannot go on: {err}", file=sys.stderr)
            return 2
    minutes = times.all_s(len(chosen) + 1, args.rounds) / 60
    print(f"about {minutes:.0f} minutes; kept in {args.file}", file=sys.stderr, flush=True)
    interrupted = False
    try:
        run.measure_all([ECHO, *chosen])
    except Stopped:
        interrupted = True
        print("interrupted; what was measured:", file=sys.stderr)
    _print_all(run, run.measured([server.name for server in (ECHO, *chosen)]))
    return 1 if run.failed or interrupted else 0


def _print_all(run: "_Run", measured: dict[str, dict[str, Any]]) -> None:
    if not measured:
        return
    ceilings = middle_ceilings([found.ceilings for found in run.found])
    lone_ms = statistics.median(found.lone_ms for found in run.found)
    for name, per_s in ceilings.items():
        print(f"Ceiling, {name}: {per_s:.0f} images/s")
    costs = middle_costs(run.found)
    print_tables(measured, run.found, deadline_s=DEADLINE_S)
    print_costs(costs, measured, OURS_BY_PRECISION)
    print_aims(judge(measured, run.found, deadline_s=DEADLINE_S))
    print(json.dumps({"ceilings": ceilings, "lone_ms": lone_ms, "costs": costs, **measured}))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """What has been measured so far, and the file that has it too."""

    package: Package
    images: Sequence[bytes]
    times: Times
    rounds: int
    file: Path
    found: list[Round] = field(default_factory=list)
    strains: dict[str, dict[str, Any]] = field(default_factory=dict)
    failed: set[str] = field(default_factory=set)

    @property
    def _settings(self) -> dict[str, Any]:
        """What must be the same for a run to go on."""
        return {
            "conditions": _conditions(self.package, self.images),
            "times": asdict(self.times),
            "rounds": self.rounds,
        }

    def go_on(self) -> None:
        """Take over what an interrupted run has measured.

        Raises:
            OtherRun: it was under other conditions.
            OSError: there is no file of it.
        """
        found, strains = read_run(self.file, self._settings)
        self.found.extend(found)
        self.strains.update(strains)

    def measure_all(self, servers: Sequence[Server]) -> None:
        """Measure what has not been."""
        with Children() as children, tempfile.TemporaryDirectory() as logs:
            for turn in range(self.rounds):
                if turn == len(self.found):
                    self._measure_ceilings()
                for server in in_order(servers, turn):
                    if not self._has(server, turn):
                        print(f"round {turn + 1}: {server.name} …", file=sys.stderr, flush=True)
                        self._measure(server, children, Path(logs) / f"{server.name}.log", turn)
                        write_run(self.file, self._settings, self.found, self.strains)

    def _has(self, server: Server, turn: int) -> bool:
        is_strained = server is not ECHO and turn == self.rounds - 1
        return server.name in self.found[turn].loads and (
            not is_strained or server.name in self.strains
        )

    def _measure_ceilings(self) -> None:
        """Begin a round: measure what the machine allows now."""
        folder, images = self.package.folder, self.images
        precisions = [
            precision
            for precision, name in OURS_BY_PRECISION.items()
            for server in SERVERS
            if server.name == name and (folder / server.needs).is_file()
        ]
        self.found.append(
            Round(
                ceilings=measure_ceilings(folder, images, self.times.closed_s),
                lone_ms=measure_lone_ms(folder, images),
                costs=measure_costs(folder, images, precisions),
            )
        )

    def loads(self, name: str) -> list[Loads]:
        """Return what was found of a server, round by round."""
        return [found.loads[name] for found in self.found if name in found.loads]

    def _measure(self, server: Server, children: Children, log: Path, turn: int) -> None:
        """Measure a server; in the last round, how it bears overload and faults too."""
        if server.name in self.failed:
            return
        requests = [server.request(image) for image in self.images]
        # One that does not start, or dies, must not cost what was measured of the others.
        try:
            with running(server, self.package, self.images[0], children, log) as (port, session_id):
                load = uvloop.run(_steady(port, session_id, requests, self.times))
                self.found[turn].loads[server.name] = load
                if turn == self.rounds - 1 and server is not ECHO:
                    capacity = float(middle_loads(self.loads(server.name))["64"]["per_s"])
                    strain = _strain(server, port, session_id, self, capacity)
                    self.strains[server.name] = uvloop.run(strain)
        except (RuntimeError, OSError) as err:
            self.failed.add(server.name)
            ended = log.read_text(errors="replace")[-2000:]
            print(f"{server.name} failed: {err}\n{ended}", file=sys.stderr)

    def measured(self, names: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Return what was found of each server that was measured, in this order."""
        return {
            name: {**middle_loads(self.loads(name)), **self.strains.get(name, {})}
            for name in names
            if self.loads(name)
        }


async def _steady(
    port: int, session_id: int, requests: Sequence[bytes], times: Times
) -> dict[str, Any]:
    await closed_loop(port, requests, connections=16, seconds=times.warm_up_s)
    found = {}
    for connections in CONNECTIONS:
        before_s, loop_s = cpu_seconds(session_id), main_thread_seconds(session_id)
        result = await closed_loop(port, requests, connections=connections, seconds=times.closed_s)
        answers = max(1, sum(result.statuses.values()))
        found[str(connections)] = _summary(result) | {
            "server_cpu_ms": 1e3 * (cpu_seconds(session_id) - before_s) / answers,
            # Of a server of one process.
            "event_loop_ms": 1e3 * (main_thread_seconds(session_id) - loop_s) / answers,
        }
    return found


async def _strain(
    server: Server, port: int, session_id: int, run: _Run, capacity: float
) -> dict[str, Any]:
    timed = [server.request(image, deadline_s=DEADLINE_S) for image in run.images]
    busy = {
        arrivals: _summary(
            await open_loop(
                port,
                timed,
                rate_per_s=_BUSY_SHARE * capacity,
                seconds=run.times.closed_s,
                deadline_s=DEADLINE_S,
                arrivals=arrivals,
            )
        )
        for arrivals in ARRIVALS
    }
    rate = 2 * capacity
    async with watch_memory(session_id) as memory:
        overloaded = await open_loop(
            port, timed, rate_per_s=rate, seconds=run.times.overload_s, deadline_s=DEADLINE_S
        )
    await asyncio.sleep(DEADLINE_S)  # what hung-up clients left behind
    faults = await measure_faults(
        server, port, run.images, session_id, patience_s=run.times.patience_s
    )
    return {
        "busy": {"rate_per_s": _BUSY_SHARE * capacity, **busy},
        "overload": _summary(overloaded) | {"rate_per_s": rate, "memory": asdict(memory)},
        "faults": asdict(faults),
    }


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
        f"commit {commit}, Python {platform.python_version()}, {this_machine()}, "
        f"model {package.folder.parent.name} "
        f"version {package.folder.name}, {len(images)} photos of {kilobytes:.0f} KB\n"
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--package", type=Path, required=True, help="a published version's folder")
    parser.add_argument("--photos", type=Path, required=True, help="a folder of JPEG files")
    parser.add_argument(
        "--only",
        nargs="*",
        default=[],
        choices=[server.name for server in SERVERS],
        metavar="SERVER",
        help="these servers; of all, in this order: "
        + ", ".join(f"'{server.name}'" for server in SERVERS),
    )
    parser.add_argument(
        "--rounds", type=int, default=3, help="how often steady load is measured [3]"
    )
    parser.add_argument(
        "--quick", action="store_true", help="half of the time for each measurement"
    )
    parser.add_argument(
        "--file",
        type=Path,
        default=Path(tempfile.gettempdir()) / "graft-service-benchmark.json",
        help="what was measured so far is kept here [%(default)s]",
    )
    parser.add_argument("--resume", action="store_true", help="go on with the run in --file")
    return parser


if __name__ == "__main__":
    sys.exit(main())
