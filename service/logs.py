"""The log: one line an event, as text or as JSON, whatever a client, a label or a file name says."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any, Final, Literal

LogFormat = Literal["text", "json"]
LogLevel = Literal["debug", "info", "warning", "error"]

# The attribute of a record that holds what JSON gives members of their own.
FIELDS: Final = "graft_fields"


def configure_logging(log_format: LogFormat, log_level: LogLevel = "info") -> None:
    """Write every record to stderr in one format; below `info` those of the service alone."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if log_format == "json" else TextFormatter())
    level = logging.getLevelNamesMapping()[log_level.upper()]
    logging.basicConfig(level=max(level, logging.INFO), handlers=[handler], force=True)
    logging.getLogger("service").setLevel(level)
    # No line says which thread, process or line of code wrote it, so that is not to be found out for each:
    # https://docs.python.org/3/howto/logging.html#optimization
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None


def printable(text: str) -> str:
    """Return text in which line ends, control and direction marks are spelt out as escapes.

    They could otherwise forge a line, or show another text than is there.
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


class TextFormatter(logging.Formatter):
    """`time LEVEL message`; a stack trace follows on lines that begin with a space."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        stamp = _stamp(record).isoformat(sep=" ", timespec="milliseconds")
        line = f"{stamp} {record.levelname} {printable(record.getMessage())}"
        if record.exc_info:
            trace = self.formatException(record.exc_info).splitlines()
            line += "".join(f"\n  {printable(part)}" for part in trace)
        return line


class JsonFormatter(logging.Formatter):
    """One JSON object a line: `time`, `level`, `logger`, `message`, and the fields of the event."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        entry: dict[str, Any] = {
            "time": _stamp(record).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, FIELDS, {}),
        }
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps(entry)  # ASCII only: every other character is escaped


def _stamp(record: logging.LogRecord) -> datetime:
    return datetime.fromtimestamp(record.created, tz=UTC)
