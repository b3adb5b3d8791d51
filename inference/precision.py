"""Which of a package's precisions to run, where nobody asked for one."""

import functools
import platform
from collections.abc import Collection
from pathlib import Path
from typing import Final, Literal

from inference.manifest import Precision

AskedPrecision = Precision | Literal["auto"]

_X86: Final = frozenset({"x86_64", "AMD64", "i686"})
# Any of these multiplies unsigned by signed bytes without overflow.
_INT8_FLAGS: Final = frozenset({"avx512_vnni", "avx_vnni", "amx_int8"})


def choose_precision(
    asked: AskedPrecision, available: Collection[Precision], *, on_gpu: bool
) -> Precision:
    """Return the precision to run: what is asked for, or the one that suits the hardware."""
    if asked != "auto":
        return asked
    if on_gpu:
        return "fp16" if "fp16" in available else "fp32"
    return "int8" if "int8" in available and multiplies_int8() else "fp32"


@functools.cache
def multiplies_int8() -> bool:
    """Return whether this CPU has instructions for 8-bit integers.

    An older x86 is hardly faster with them and, worse, ONNX Runtime's sums overflow there: its
    answers are other ones. Where an x86 does not say what it has, it is taken for an older one.
    """
    if platform.machine() not in _X86:
        return True
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return flags_multiply_int8(text)


def flags_multiply_int8(cpuinfo: str) -> bool:
    """Return what Linux's list of a processor's abilities says of that."""
    for line in cpuinfo.splitlines():
        name, _, values = line.partition(":")
        if name.strip() == "flags":
            return not _INT8_FLAGS.isdisjoint(values.split())
    return False
