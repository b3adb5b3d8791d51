"""What was measured of every server, as Markdown."""

import statistics
from collections.abc import Mapping, Sequence
from typing import Any, Final

from benchmarks.service.load import ARRIVALS, HUNG_UP
from benchmarks.service.rounds import Round, share_of_ceiling

CONNECTIONS: Final = (1, 4, 16, 64)


def print_tables(
    measured: Mapping[str, Mapping[str, Any]], rounds: Sequence[Round], *, deadline_s: float
) -> None:
    """Print a row for each server in each table."""
    _print_loads(measured)
    _print_costs(measured, rounds)
    _print_busy(measured)
    _print_overload(measured, deadline_s)
    _print_faults(measured)
    cost = max((found["16"]["generator_cpu_ms"] for found in measured.values()), default=0.0)
    print(f"\nThe load generator took at most {cost:.2f} ms of CPU a request at 16 connections.\n")


def _print_loads(measured: Mapping[str, Mapping[str, Any]]) -> None:
    print("\nImages/s (lowest and highest round), p50/p95/p99 in ms:")
    print("\n| server | " + " | ".join(f"{n} conn." for n in CONNECTIONS) + " |")
    print("|---" * (len(CONNECTIONS) + 1) + "|")
    for name, found in measured.items():
        cells = (_cell(found[str(connections)]) for connections in CONNECTIONS)
        print(f"| {name} | " + " | ".join(cells) + " |")


def _print_costs(measured: Mapping[str, Mapping[str, Any]], rounds: Sequence[Round]) -> None:
    lowest = min(
        rounds[0].ceilings, key=lambda name: statistics.median(r.ceilings[name] for r in rounds)
    )
    print(
        "\nThe server's CPU, ms of a core an image (the load generator's is not in it), and the most"
    )
    print(f"images/s as a share of the lowest ceiling, {lowest} (lowest and highest round):\n")
    print("| server | " + " | ".join(f"{n} conn." for n in CONNECTIONS) + " | of the ceiling |")
    print("|---" * (len(CONNECTIONS) + 2) + "|")
    for name, found in measured.items():
        cells = [f"{found[str(connections)]['server_cpu_ms']:.1f}" for connections in CONNECTIONS]
        share = share_of_ceiling(rounds, name, lowest)
        if share is not None:
            cells.append(f"{share.middle:.0%} ({share.low:.0%}-{share.high:.0%})")
        print(f"| {name} | " + " | ".join(cells) + " |")


def _print_busy(measured: Mapping[str, Mapping[str, Any]]) -> None:
    print("\nBusy, at 0.7 times what it answers at 64 connections, p50/p95/p99 in ms:\n")
    print("| server | requests/s | evenly spaced | by a Poisson process |\n|---|---|---|---|")
    for name, found in measured.items():
        if "busy" in found:
            busy = found["busy"]
            cells = (_latencies(busy[arrivals]) for arrivals in ARRIVALS)
            print(f"| {name} | {busy['rate_per_s']:.0f} | {' | '.join(cells)} |")


def _print_overload(measured: Mapping[str, Mapping[str, Any]], deadline_s: float) -> None:
    print(f"\nTwice capacity, clients hang up after {deadline_s:g} s:\n")
    print(
        "| server | offered/s | in time/s | share in time | refused | hung up | other | p99 ms "
        "| RAM in MB: start, peak, end |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for name, found in measured.items():
        if "overload" in found:
            print(f"| {name} | {_overload_cells(found['overload'])} |")


def _print_faults(measured: Mapping[str, Mapping[str, Any]]) -> None:
    print(
        "\n| server | neighbours of a bad image that failed | bad image | 0.5 GB body, RAM "
        "| 1 byte/s |"
    )
    print("|---|---|---|---|---|")
    for name, found in measured.items():
        if "faults" in found:
            seen = found["faults"]
            share = f"{seen['failed_neighbours']} of {seen['neighbours']}"
            rest = f"{seen['bad_status']} | {seen['huge_body']} | {seen['slow_body']}"
            print(f"| {name} | {share} | {rest} |")


def _cell(found: Mapping[str, Any]) -> str:
    low, high = found["per_s_range"]
    return f"{found['per_s']:.1f} ({low:.0f}-{high:.0f}), {_latencies(found)}"


def _latencies(found: Mapping[str, Any]) -> str:
    text = f"{found['p50_ms']:.0f}/{found['p95_ms']:.0f}/{found['p99_ms']:.0f}"
    failed = sum(count for status, count in found["statuses"].items() if status != "200")
    return f"{text}, {failed} failed" if failed else text


def _overload_cells(found: Mapping[str, Any]) -> str:
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
        "{start_mb:.0f}, {peak_mb:.0f}, {end_mb:.0f}".format(**found["memory"]),
    )
    return " | ".join(cells)
