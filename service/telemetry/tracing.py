"""W3C Trace Context: which trace a request belongs to, for the log and the answer.

FastAPI exports spans where OpenTelemetry is on; what is logged is then the span that is exported.
"""

import re
import secrets
from dataclasses import dataclass
from typing import Final

from opentelemetry.trace import format_span_id, format_trace_id, get_current_span

TRACE_HEADER: Final = "traceparent"
_TRACE: Final = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """The trace, a span of our own in it, and the caller's span, where there is one."""

    trace_id: str
    parent_id: str | None
    span_id: str
    flags: str

    @property
    def traceparent(self) -> str:
        """The header that names our span, for whoever goes on from here."""
        return f"00-{self.trace_id}-{self.span_id}-{self.flags}"


def read_trace(header: str) -> Trace | None:
    """Return the trace of the request being served; None where nobody traces it.

    Args:
        header: the request's `traceparent`; what is not one, or empty, counts as none.
    """
    match = _TRACE.fullmatch(header.strip()) if header else None
    if match is not None and not (int(match[1], 16) and int(match[2], 16)):
        match = None
    exported = get_current_span().get_span_context()
    if exported.is_valid:
        return Trace(
            trace_id=format_trace_id(exported.trace_id),
            parent_id=match[2] if match else None,
            span_id=format_span_id(exported.span_id),
            flags=f"{exported.trace_flags:02x}",
        )
    if match is None:
        return None
    return Trace(
        trace_id=match[1], parent_id=match[2], span_id=secrets.token_hex(8), flags=match[3]
    )
