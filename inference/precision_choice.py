"""The precision in which a package is run, and why: asked for, suited to the hardware, or measured.

bf16 needs a processor that multiplies it, OpenVINO, and, where nobody asked for it, a measurement on
this machine that finds it faster than fp32.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from inference.errors import PackageError, SessionError
from inference.manifest import Precision
from inference.model_session import ModelSession
from inference.package import Package
from inference.precision import AskedPrecision, choose_precision, why_not_bfloat16
from inference.providers import OPENVINO
from inference.session import SessionConfig, expects_gpu, open_session
from inference.speed import MIN_SPEEDUP, time_in_turn

ASKED_FOR: Final = "asked for"
_HARDWARE: Final = "of the package's precisions it suits this hardware"

# Alone, an image found 1.3 to 2.2 times on a busy machine, four at once 1.6 to 1.9.
_BATCH: Final = 4
_ROUNDS_S: Final = 0.5
_MIN_ROUNDS: Final = 3


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
        SessionError: the model cannot be run as `config` demands.
    """
    if asked != "auto":
        return _opened(package, config, PrecisionChoice(precision=asked, reason=ASKED_FOR))
    files = package.manifest.files or {}
    if expects_gpu(config):
        wanted = choose_precision(asked, files, on_gpu=True)
        opened = _opened(package, config, PrecisionChoice(precision=wanted, reason=_HARDWARE))
        if opened[0].on_gpu:
            return opened
        return _opened(package, config, choose_without_bf16(package, config, "no GPU was given"))
    problem = why_not_bfloat16()
    if may_measure_bf16(package, config, asked):
        measured = measure_bf16(package, config)
        if measured.session is not None:
            return measured.session, PrecisionChoice(precision="bf16", reason=measured.finding)
        problem = measured.finding
    return _opened(package, config, choose_without_bf16(package, config, problem))


def may_measure_bf16(package: Package, config: SessionConfig, asked: AskedPrecision) -> bool:
    """Return whether "auto" has bf16 to choose."""
    return (
        asked == "auto"
        and "bf16" in (package.manifest.files or {})
        and not expects_gpu(config)
        and why_not_bfloat16() is None
    )


def measure_bf16(package: Package, config: SessionConfig) -> BFloat16Measurement:
    """Time a package in bf16 and in fp32 in turn, for a moment."""
    try:
        fp32, bf16 = (
            open_session(package.model_bytes(precision), config, precision=precision)
            for precision in ("fp32", "bf16")
        )
        height, width = package.manifest.crop_hw
        grey = np.full((_BATCH, height, width, 3), 127, np.uint8)
        timing = time_in_turn(fp32, bf16, grey, min_rounds=_MIN_ROUNDS, rounds_s=_ROUNDS_S)
    except (PackageError, SessionError) as err:
        return BFloat16Measurement(session=None, finding=str(err))
    found = f"{timing.ratio:.2f} times as fast as fp32 here"
    if timing.ratio >= MIN_SPEEDUP:
        return BFloat16Measurement(session=bf16, finding=found)
    return BFloat16Measurement(
        session=None, finding=f"it is {found}, must be {MIN_SPEEDUP} at least"
    )


def choose_without_bf16(
    package: Package, config: SessionConfig, problem: str | None
) -> PrecisionChoice:
    """Return what "auto" takes on a CPU where it does not take bf16; `problem` says why."""
    files = package.manifest.files or {}
    # OpenVINO runs a quantised file of ONNX Runtime's at another accuracy.
    by_openvino = config.provider == OPENVINO
    chosen = "fp32" if by_openvino else choose_precision("auto", files, on_gpu=False)
    has_bf16 = problem is not None and "bf16" in files
    reason = f"bf16 is left out: {problem}" if has_bf16 else _HARDWARE
    return PrecisionChoice(precision=chosen, reason=reason)


def _opened(
    package: Package, config: SessionConfig, choice: PrecisionChoice
) -> tuple[ModelSession, PrecisionChoice]:
    data = package.model_bytes(choice.precision)
    return open_session(data, config, precision=choice.precision), choice
