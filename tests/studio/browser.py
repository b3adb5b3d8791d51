"""Debian's Chromium, driven by Playwright, on a studio that is a process of its own."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, sync_playwright

from studio.projects.project import Project

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class RunningStudio:
    """A studio: `entrance` is the address with the secret, `url` the one without."""

    entrance: str
    url: str


@contextmanager
def studio_of(project: Project, *options: str) -> Iterator[RunningStudio]:
    """Run a studio for a project's folder."""
    command = [sys.executable, "-m", "studio", str(project.data), "--no-browser"]
    command += ["--models-dir", str(project.models_dir), "--root", str(project.data.parent)]
    command += options
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()
            entrance = process.stdout.readline().strip()
            yield RunningStudio(entrance, entrance.partition("/?")[0])
        finally:
            process.terminate()


@contextmanager
def browser_page(
    *,
    width: int = 1280,
    height: int = 860,
    dark: bool = False,
    locale: str = "en-US",
    refused: int | str | None = None,
) -> Iterator[Page]:
    """Yield a page; an error of its scripts fails the test, and a refusal other than `refused`.

    That is a status, or Chromium's name of a network error.
    """
    with sync_playwright() as playwright:
        # Root may not have Chromium's own sandbox; CI is root.
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium",
            args=[
                *("--no-sandbox", "--disable-dev-shm-usage"),
                *("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"),
            ],
        )
        page = browser.new_page(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            locale=locale,
        )
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on(
            "response",
            lambda r: errors.append(f"{r.status} {r.url}") if r.status >= 400 else None,
        )
        page.on(
            "console",
            lambda message: errors.append(message.text) if message.type == "error" else None,
        )
        page.set_default_timeout(60_000)
        yield page
        browser.close()
        unexpected = [e for e in errors if refused is None or str(refused) not in e]
        assert not unexpected, unexpected


def no_violations(page: Page) -> None:
    """Fail where axe finds something that shuts people out."""
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
