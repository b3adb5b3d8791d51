"""The tables of the service's benchmark: what stands in which row and column."""

from typing import Any

import pytest

from benchmarks.service.rounds import Round
from benchmarks.service.tables import CONNECTIONS, print_tables


def load(per_s: float, server_cpu_ms: float) -> dict[str, Any]:
    return {
        "per_s": per_s,
        "per_s_range": [per_s - 1, per_s + 1],
        "p50_ms": 1.0,
        "p95_ms": 2.0,
        "p99_ms": 3.0,
        "statuses": {"200": 9},
        "server_cpu_ms": server_cpu_ms,
        "generator_cpu_ms": 0.25,
    }


def test_a_servers_cpu_and_its_share_of_the_lowest_ceiling_are_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    loads = {str(n): load(40.0 + n / 16, 10.0 - n / 16) for n in CONNECTIONS}
    found = Round(
        ceilings={"decoding": 90.0, "both": 50.0, "model": 80.0}, lone_ms=1.0, loads={"ours": loads}
    )
    print_tables({"ours": loads}, [found], deadline_s=1.0)
    printed = capsys.readouterr().out
    assert "| ours | 9.9 | 9.8 | 9.0 | 6.0 | 88% (88%-88%) |" in printed
    assert "lowest ceiling, both" in printed
    assert "0.25 ms of CPU a request at 16 connections" in printed
