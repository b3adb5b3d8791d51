"""W3C Trace Context: which trace a request belongs to, for the log."""

import re
import secrets
from dataclasses import dataclass
from typing import Final

TRACE_HEADER: Final = "traceparent"
_TRACE: Final = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """The caller's trace and span, and a span of our own in it."""

    trace_id: str
    parent_id: str
    span_id: str
    flags: str

    @property
    def traceparent(self) -> str:
        """The header that names our span, for whoever goes on from here."""
        return f"00-{self.trace_id}-{self.span_id}-{self.flags}"


def read_trace(header: str | None) -> Trace | None:
    """Return the trace that a header names; None where there is none or it is not one."""
    match = _TRACE.fullmatch(header.strip()) if header else None
    if match is None or not int(match[1], 16) or not int(match[2], 16):
        return None
    return Trace(
        trace_id=match[1], parent_id=match[2], span_id=secrets.token_hex(8), flags=match[3]
    )
