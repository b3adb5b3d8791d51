"""Which of a package's precisions suits the hardware, where nobody asked for one."""

import functools
import platform
from collections.abc import Collection
from importlib.util import find_spec
from pathlib import Path
from typing import Final, Literal

from inference.manifest import Precision

AskedPrecision = Precision | Literal["auto"]

INSTALL_OPENVINO: Final = "OpenVINO is not installed; pip install 'graft-classifier[openvino]'"

_X86: Final = frozenset({"x86_64", "AMD64", "i686"})
# Any of these multiplies unsigned by signed bytes without overflow.
_INT8_FLAGS: Final = frozenset({"avx512_vnni", "avx_vnni", "amx_int8"})
_BFLOAT16_FLAGS: Final = frozenset({"amx_bf16", "avx512_bf16"})


def choose_precision(
    asked: AskedPrecision, available: Collection[Precision], *, on_gpu: bool
) -> Precision:
    """Return the precision to run: what is asked for, or the one that suits the hardware.

    Never bf16 unless asked for: that is measured, see `precision_choice`.
    """
    if asked != "auto":
        return asked
    if on_gpu:
        return "fp16" if "fp16" in available else "fp32"
    return "int8" if "int8" in available and multiplies_int8() else "fp32"


def any_of(precisions: Collection[str]) -> str:
    """Return such as "fp32, int8 or bf16"."""
    *before, last = precisions or ["nothing"]
    return f"{', '.join(before)} or {last}" if before else last


def why_not_bfloat16() -> str | None:
    """Return why this machine does not run models in bfloat16; None where it does."""
    if not multiplies_bfloat16():
        return "this processor does not multiply bfloat16 (AMX, AVX512_BF16)"
    return None if has_openvino() else INSTALL_OPENVINO


def has_openvino() -> bool:
    """Return whether OpenVINO is installed; it is looked for, not imported."""
    return find_spec("openvino") is not None


@functools.cache
def multiplies_int8() -> bool:
    """Return whether this CPU has instructions for 8-bit integers.

    An older x86 is hardly faster with them and, worse, ONNX Runtime's sums overflow there: its
    answers are other ones. Where an x86 does not say what it has, it is taken for an older one.
    """
    return platform.machine() not in _X86 or flags_multiply_int8(_cpuinfo())


@functools.cache
def multiplies_bfloat16() -> bool:
    """Return whether this CPU has instructions for bfloat16 that OpenVINO uses."""
    return platform.machine() in _X86 and flags_multiply_bfloat16(_cpuinfo())


def flags_multiply_int8(cpuinfo: str) -> bool:
    """Return what Linux's list of a processor's abilities says of 8-bit integers."""
    return not _INT8_FLAGS.isdisjoint(_flags(cpuinfo))


def flags_multiply_bfloat16(cpuinfo: str) -> bool:
    """Return what Linux's list of a processor's abilities says of bfloat16."""
    return not _BFLOAT16_FLAGS.isdisjoint(_flags(cpuinfo))


def _cpuinfo() -> str:
    try:
        return Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _flags(cpuinfo: str) -> list[str]:
    for line in cpuinfo.splitlines():
        name, _, values = line.partition(":")
        if name.strip() == "flags":
            return values.split()
    return []
