"""A browser on a page of another site: Debian's Chromium, without a window."""

import base64
import html
import json
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import pytest

from tests.builders import coloured, make_package
from tests.service.service_process import running

pytestmark = pytest.mark.chromium

KEY: Final = "a-long-key"
PAGE: Final = Path(__file__).with_name("another_site.html")
# Root may not have Chromium's own sandbox; CI is root.
OPTIONS: Final = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage")


@contextmanager
def another_site() -> Iterator[str]:
    """Yield the address of a site with the page, on a port of its own."""
    image = base64.b64encode(coloured("red")).decode()
    page = PAGE.read_text(encoding="utf-8").replace("IMAGE", image).encode()

    class Site(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/html; charset=utf-8")
            self.send_header("content-length", str(len(page)))
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, format: str, *args: object) -> None:
            """Stay quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def answers(site: str, service: str, profile: Path) -> dict[str, dict[str, Any]]:
    """Return what the page was answered, by the name of the question."""
    command = shutil.which("chromium")
    assert command is not None
    query = urlencode([("q", service), ("q", KEY)])
    shown = subprocess.run(
        [
            *(command, *OPTIONS, f"--user-data-dir={profile}", "--virtual-time-budget=30000"),
            *("--dump-dom", f"{site}/?{query}"),
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    ).stdout
    text = re.search(r'<pre id="answers">(.*)end</pre>', shown, re.DOTALL)
    assert text is not None, shown[:2000]
    lines = [json.loads(line) for line in html.unescape(text[1]).splitlines() if line]
    return {line.pop("name"): line for line in lines}


def test_a_page_that_was_named_reads_every_answer(models_dir: Path, tmp_path: Path) -> None:
    make_package(models_dir)
    with (
        another_site() as site,
        running(models_dir, GRAFT_CORS_ORIGINS=site, GRAFT_API_KEYS=KEY) as service,
    ):
        found = answers(site, service.url, tmp_path / "profile")
    assert found["predicted"]["label"] == found["otherHeader"]["label"] == "red"
    assert "infer;dur=" in found["predicted"]["timing"]
    assert (found["noKey"]["status"], found["noKey"]["code"]) == (401, "api_key_required")
    assert found["notFound"]["status"] == 404
    assert (found["noImage"]["status"], found["noImage"]["code"]) == (415, "unsupported_format")
    assert found["late"]["status"] in (200, 429, 504)
    assert (found["alias"]["status"], found["alias"]["code"]) == (403, "admin_disabled")
    assert (found["longHead"]["status"], found["longHead"]["code"]) == (431, "head_too_large")
    assert all(answer["id"] for name, answer in found.items() if name != "longHead")


def test_another_page_reads_none(models_dir: Path, tmp_path: Path) -> None:
    make_package(models_dir)
    origin = "https://app.example.org"
    with (
        another_site() as site,
        running(models_dir, GRAFT_CORS_ORIGINS=origin, GRAFT_API_KEYS=KEY) as service,
    ):
        found = answers(site, service.url, tmp_path / "profile")
    assert {answer.get("error") for answer in found.values()} == {"TypeError"}
