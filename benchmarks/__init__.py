"""Measurements: each module is a command that prints a table and, last, one line of JSON."""

import inference  # noqa: F401  # turns telemetry off before any library is imported
