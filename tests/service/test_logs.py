"""One line an event, whatever it says."""

import json
import logging
import sys

import pytest

from service.logs import FIELDS, JsonFormatter, TextFormatter

FORGED = "cat\r\n2026-11-22 INFO forged\x1b[2J\u202egnp.exe\u2028\x00"


def record(message: str, *, failed: bool = False, **fields: object) -> logging.LogRecord:
    exc_info = None
    if failed:
        try:
            raise LookupError(FORGED)
        except LookupError:
            exc_info = sys.exc_info()
    made = logging.LogRecord("service.x", logging.INFO, "x.py", 1, "%s", (message,), exc_info)
    if fields:
        setattr(made, FIELDS, fields)
    return made


@pytest.mark.parametrize("formatter", [TextFormatter(), JsonFormatter()])
def test_a_message_cannot_begin_another_line(formatter: logging.Formatter) -> None:
    line = formatter.format(record(FORGED))
    assert line.isprintable()
    assert "forged" in line


def test_a_stack_trace_as_text_cannot_look_like_an_event() -> None:
    first, *rest = TextFormatter().format(record("failed", failed=True)).split("\n")
    assert "INFO failed" in first
    assert rest
    assert all(line.startswith("  ") and line.isprintable() for line in rest)


def test_json_has_the_fields_of_the_event() -> None:
    entry = json.loads(JsonFormatter().format(record("done", status=200, id="a", failed=True)))
    assert (entry["status"], entry["id"], entry["message"]) == (200, "a", "done")
    assert entry["exception"].startswith("Traceback")
    assert entry["level"] == "info"


def test_a_name_in_another_script_is_readable() -> None:
    assert "고양이" in TextFormatter().format(record("고양이"))
    assert json.loads(JsonFormatter().format(record("고양이")))["message"] == "고양이"
