"""The precision in which a package is run, and why: asked for, suited to the hardware, or measured.

bf16 needs a processor that multiplies it, OpenVINO, and, where nobody asked for it, a measurement on
this machine that finds it faster than fp32.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from inference.errors import PackageError, ProviderUnavailable, SessionError
from inference.manifest import Precision
from inference.memory_left import memory_left_bytes
from inference.model_session import ModelSession
from inference.package import Package
from inference.precision import AskedPrecision, any_of, choose_precision, why_not_bfloat16
from inference.providers import OPENVINO
from inference.session import SessionConfig, expects_gpu, open_session, why_never_run
from inference.speed import MIN_SPEEDUP, time_in_turn

ASKED_FOR: Final = "asked for"
_FP16_ON_GPU: Final = "on a GPU fp16 is run where the package has it"
_NO_FP16: Final = "on a GPU fp16 would be run, and the package has none"
_GPU_EXPECTED: Final = "it was not measured, for a GPU was expected"
_NO_OTHER: Final = "the package has no other precision"

# Alone, an image found 1.3 to 2.2 times on a busy machine, four at once 1.6 to 1.9.
_BATCH: Final = 4
_ROUNDS_S: Final = 0.5
_MIN_ROUNDS: Final = 3

# OpenVINO's library and its sessions beside those of ONNX Runtime: EfficientNet-Lite0 (14 MB) was ended
# by a container's limit with 235 MiB left and served with 335 (docs/docker.md).
_OPENVINO_BYTES: Final = 256 * 2**20
_COPIES_OF_FILE: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class PrecisionChoice:
    """A precision, and why it is run in that one."""

    precision: Precision
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BFloat16Measurement:
    """What came out: the session in bf16 where that is clearly faster than fp32, and a sentence."""

    session: ModelSession | None
    finding: str


def open_chosen(
    package: Package, config: SessionConfig, asked: AskedPrecision
) -> tuple[ModelSession, PrecisionChoice]:
    """Load a package in the precision that is asked for, or chosen.

    Raises:
        PackageError: the package is damaged or has no such precision.
        ProviderUnavailable: the precision is never run on this hardware.
        SessionError: the model cannot be run as `config` demands.
    """
    if asked != "auto":
        package.model_size(asked)  # raises where it has none
        check_can_run(package, config, asked)
        return _opened(package, config, PrecisionChoice(precision=asked, reason=ASKED_FOR))
    files = package.manifest.files or {}
    if expects_gpu(config):
        wanted = choose_precision(asked, files, on_gpu=True)
        reason = _FP16_ON_GPU if wanted == "fp16" else _NO_FP16
        opened = _opened(package, config, PrecisionChoice(precision=wanted, reason=reason))
        if opened[0].on_gpu:
            return opened
        return _opened(package, config, choose_without_bf16(package, config, _GPU_EXPECTED))
    problem = why_not_bfloat16()
    if may_measure_bf16(package, config, asked):
        measured = measure_bf16(package, config)
        if measured.session is not None:
            reason = why_bf16(package, config, measured.finding)
            return measured.session, PrecisionChoice(precision="bf16", reason=reason)
        problem = measured.finding
    return _opened(package, config, choose_without_bf16(package, config, problem))


def precisions_here(package: Package, config: SessionConfig) -> list[Precision]:
    """Return which of the package's precisions may be asked for with this hardware and provider."""
    return [p for p in package.manifest.files or {} if why_never_run(p, config) is None]


def check_can_run(package: Package, config: SessionConfig, precision: Precision) -> None:
    """Return where a precision of the package may be run with this hardware and provider.

    Raises:
        ProviderUnavailable: it never can; the message says which can.
    """
    if (why := why_never_run(precision, config)) is not None:
        others = any_of(precisions_here(package, config))
        raise ProviderUnavailable(f"{precision} cannot be run here: {why}; ask for {others}")


def may_measure_bf16(package: Package, config: SessionConfig, asked: AskedPrecision) -> bool:
    """Return whether "auto" has bf16 to choose."""
    return (
        asked == "auto"
        and "bf16" in (package.manifest.files or {})
        and not expects_gpu(config)
        and why_not_bfloat16() is None
    )


def memory_too_small_for_bf16(package: Package) -> str | None:
    """Return a sentence where this container's memory may not do for OpenVINO; else None."""
    left = memory_left_bytes()
    needed = _OPENVINO_BYTES + _COPIES_OF_FILE * package.model_size("bf16")
    if left is None or left >= needed:
        return None
    return (
        f"OpenVINO may need {needed // 2**20} MiB of memory and this container's limit leaves "
        f"{max(left, 0) // 2**20} MiB"
    )


def measure_bf16(package: Package, config: SessionConfig) -> BFloat16Measurement:
    """Time a package in bf16 and in fp32 in turn, for a moment."""
    try:
        too_small = memory_too_small_for_bf16(package)
        if too_small is not None:
            return BFloat16Measurement(session=None, finding=too_small)
        fp32, bf16 = (
            open_session(package.model_bytes(precision), config, precision=precision)
            for precision in ("fp32", "bf16")
        )
        height, width = package.manifest.crop_hw
        grey = np.full((_BATCH, height, width, 3), 127, np.uint8)
        timing = time_in_turn(fp32, bf16, grey, min_rounds=_MIN_ROUNDS, rounds_s=_ROUNDS_S)
    except (PackageError, SessionError) as err:
        return BFloat16Measurement(session=None, finding=str(err))
    threads = config.intra_op_threads
    by = "all cores" if threads == 0 else f"{threads} thread{'s' * (threads > 1)}"
    found = f"{timing.ratio:.2f} times as fast as fp32 here ({_BATCH} images at a time, {by})"
    if timing.ratio >= MIN_SPEEDUP:
        return BFloat16Measurement(session=bf16, finding=found)
    return BFloat16Measurement(
        session=None, finding=f"it is {found}, must be {MIN_SPEEDUP} at least"
    )


def why_bf16(package: Package, config: SessionConfig, finding: str) -> str:
    """Return why "auto" runs bf16: what was measured, and why not int8, which may be faster still."""
    reason = f"bf16 is {finding}"
    if "int8" in precisions_here(package, config):
        reason += (
            "; int8 was not measured, for its answers differ from those of fp32 more often: ask for it "
            "by name"
        )
    return reason


def choose_without_bf16(
    package: Package, config: SessionConfig, problem: str | None
) -> PrecisionChoice:
    """Return what "auto" takes on a CPU where it does not take bf16; `problem` says why."""
    files = package.manifest.files or {}
    # OpenVINO runs a quantised file of ONNX Runtime's at another accuracy.
    by_openvino = config.provider == OPENVINO
    chosen = "fp32" if by_openvino else choose_precision("auto", files, on_gpu=False)
    reasons = []
    if chosen == "int8":
        reasons.append("this processor has instructions for int8")
    elif "int8" in files:
        lacks = (
            "OpenVINO does not run it"
            if by_openvino
            else "this processor has no instructions for it"
        )
        reasons.append(f"int8 is left out: {lacks}")
    if "fp16" in files:
        reasons.append("fp16 is left out: on a CPU it is slower than fp32")
    if problem is not None and "bf16" in files:
        reasons.append(f"bf16 is left out: {problem}")
    return PrecisionChoice(precision=chosen, reason="; ".join(reasons) or _NO_OTHER)


def _opened(
    package: Package, config: SessionConfig, choice: PrecisionChoice
) -> tuple[ModelSession, PrecisionChoice]:
    data = package.model_bytes(choice.precision)
    return open_session(data, config, precision=choice.precision), choice
