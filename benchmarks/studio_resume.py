"""A training that is killed, and one that is stopped, goes on from the studio's page.

    python -m benchmarks.studio_resume ../shared/data/members

In a real browser (Debian's Chromium), on a copy of DATA: "as long as it helps" is started, killed by SIGKILL
once it has saved itself, started again on the page, stopped there, and started once more. Prints the step
from which each went on.
"""

import argparse
import json
import os
import re
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Page

from benchmarks.studio_round import enter
from studio.projects.project import Project, open_project
from tests.studio.browser import browser_page, studio_of

_PATIENCE_S: Final = 900.0
# A training saves itself every minute.
_SAVED_AFTER_S: Final = 70.0
_CHOICE: Final = "As long as it helps"


def main() -> int:
    """Run it; return the exit code: 1 where a training began anew."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        # Nothing of an earlier run is to be found.
        os.environ["XDG_CACHE_HOME"] = str(Path(folder, "cache"))
        found = kill_stop_and_resume(args.data, Path(folder))
    print(json.dumps(found, indent=1))
    return int(not all(found.values()))


def kill_stop_and_resume(data: Path, scratch: Path) -> dict[str, int]:
    """Return the steps from which the killed and the stopped training went on."""
    copy = shutil.copytree(data, scratch / "photos")
    project = open_project(scratch / "models", copy.resolve())
    with studio_of(project) as studio, browser_page() as page:
        enter(page, studio)
        page.get_by_role("heading", name="Classes", exact=True).wait_for(timeout=1000 * _PATIENCE_S)
        page.goto(f"{studio.url}/#/{project.name}/train")
        press(page, "Start")
        wait_for_steps(project, seconds=_SAVED_AFTER_S)
        os.kill(json.loads((project.training_dir / "job.json").read_text())["pid"], signal.SIGKILL)
        page.locator(".note", has_text="was ended from outside").wait_for()
        press(page, "Go on")
        killed = wait_for_resumed(project)
        page.get_by_role("button", name="Stop").click()
        page.locator(".note", has_text="Stopped.").wait_for(timeout=1000 * _PATIENCE_S)
        press(page, "Go on")
        stopped = wait_for_resumed(project)
        page.get_by_role("button", name="Stop").click()
        page.locator(".note", has_text="Stopped.").wait_for(timeout=1000 * _PATIENCE_S)
    return {"after kill -9, from step": killed, "after Stop, from step": stopped}


def press(page: Page, name: str) -> None:
    """Press the button of the choice."""
    page.locator(".choice", has_text=_CHOICE).get_by_role("button", name=name).click()
    page.get_by_role("button", name="Stop").wait_for()


def events(project: Project) -> list[dict[str, Any]]:
    """Return what the training has written so far."""
    text = (project.training_dir / "events.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]


def wait_for_steps(project: Project, *, seconds: float) -> None:
    """Wait until steps have been taken for a while."""
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        steps = [e["time_s"] for e in events(project) if e.get("stage") == "training"]
        if steps and steps[-1] - steps[0] > seconds:
            return
        time.sleep(1)
    raise TimeoutError("no training step was taken")


def wait_for_resumed(project: Project) -> int:
    """Return the step from which it goes on; 0 where it began anew."""
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        for event in events(project):
            if went_on := re.match(r"resuming at step (\d+)", event.get("text", "")):
                return int(went_on[1])
            if event.get("stage") == "training" and event["done"] > 0:
                return 0
        time.sleep(1)
    raise TimeoutError("the training did not go on")


if __name__ == "__main__":
    sys.exit(main())
