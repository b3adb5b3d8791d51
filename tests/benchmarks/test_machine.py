"""The machine that stands beside a figure."""

import os

from benchmarks.machine import processor_in, this_machine

CPUINFO = """processor\t: 0
vendor_id\t: AuthenticAMD
cpu family\t: 25
model\t\t: 17
model name\t: AMD EPYC
flags\t\t: fpu vme: odd

processor\t: 1
cpu family\t: 25
model\t\t: 17
model name\t: AMD EPYC
"""


def test_a_processor_is_told_by_its_name_and_numbers() -> None:
    assert processor_in(CPUINFO) == "AMD EPYC (family 25, model 17)"


def test_a_processor_of_another_kind_is_unknown() -> None:
    assert processor_in("Features : fp asimd\n") == "unknown processor"


def test_this_machine_has_cores() -> None:
    assert this_machine().startswith(f"{len(os.sched_getaffinity(0))} cores, ")
