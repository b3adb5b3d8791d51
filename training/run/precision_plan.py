"""What a dry run says of the precisions that will be tried."""

from collections.abc import Iterator

from inference.precision import why_not_bfloat16
from training.config import FinetuneConfig
from training.planning.precision_costs import PrecisionCosts
from training.runtime.time_budget import describe_duration


def describe_precisions(config: FinetuneConfig, costs: PrecisionCosts) -> Iterator[str]:
    """Yield lines; none where float32 alone was asked for."""
    others = [precision for precision in config.precisions if precision != "fp32"]
    if "bf16" in others and (problem := why_not_bfloat16()) is not None:
        yield f"bf16 is left out: {problem}"
        others.remove("bf16")
    if others:
        seconds = describe_duration(costs.total_s(others))
        rule = "each is published where it keeps the accuracy and is faster here"
        if config.time_budget is not None:
            rule += "; what the time budget has no time for is left out"
        yield f"precisions: {', '.join(others)} tried at the end, about {seconds} together; {rule}"
