"""What changes meanwhile, in a browser: a view is left, a class loses images, a folder is looked at."""

import json
import os
from pathlib import Path

import pytest
from playwright.sync_api import Route

from studio.processes.process_identity import started_at
from studio.projects.project import Project
from tests.builders import make_package
from tests.studio.browser import browser_page, studio_of
from tests.studio.projects import looked_at
from tests.studio.training_states import write_finished_run, write_running_run

pytestmark = [pytest.mark.chromium, pytest.mark.training]


def test_a_view_that_was_left_does_not_write_over_the_next(tmp_path: Path) -> None:
    project = looked_at(tmp_path)
    make_package(project.models_dir, name=project.name)
    held: list[Route] = []
    with studio_of(project) as studio, browser_page() as page:
        page.goto(studio.entrance)
        page.get_by_role("heading", name="Classes").wait_for()
        page.route("**/training/choices", lambda route: held.append(route))  # noqa: PLW0108
        with page.expect_request("**/training/choices"):
            page.get_by_role("navigation").get_by_role("link", name="Train").click()
        page.get_by_role("navigation").get_by_role("link", name="Try").click()
        page.get_by_role("heading", name="Try the model").wait_for()
        with page.expect_response("**/training/choices"):
            held.pop().continue_()
        # Time enough for what the answer would draw.
        page.evaluate("fetch('/api/projects').then((response) => response.text())")
        assert page.get_by_role("heading", name="Try the model").is_visible()


def test_no_image_of_a_class_is_skipped_and_back_closes_the_question(tmp_path: Path) -> None:
    project = looked_at(tmp_path, ("red", "green"), count=62)
    with studio_of(project) as studio, browser_page() as page:
        page.goto(studio.entrance)
        page.locator(".classes a").first.click()
        page.get_by_text("1 to 60 of 62").wait_for()
        page.keyboard.press("g")
        page.locator(".tile.said").wait_for()
        page.keyboard.press("PageDown")
        page.get_by_text("60 to 61 of 61").wait_for()
        assert page.locator(".tile").count() == 2
        page.keyboard.press("PageUp")
        page.get_by_text("1 to 60 of 61").wait_for()
        page.keyboard.press("o")
        page.get_by_role("combobox", name="Which label").wait_for()
        page.go_back()
        page.get_by_role("heading", name="Classes").wait_for()
        assert page.get_by_role("combobox", name="Which label").count() == 0


def test_stop_keeps_the_focus_while_a_folder_is_looked_at(tmp_path: Path) -> None:
    project = looked_at(tmp_path)
    looking = project.workspace / "looking"
    looking.mkdir()
    # As of a look that runs: this process.
    job = {"command": [], "pid": os.getpid(), "process_started": started_at(os.getpid())}
    (looking / "job.json").write_text(json.dumps(job | {"began": 0, "details": {}}))
    stage = {"event": "stage", "stage": "reading images", "of": 9, "seconds_left": None}
    events = looking / "events.jsonl"
    events.write_text(json.dumps(stage | {"done": 1}) + "\n")
    with studio_of(project) as studio, browser_page() as page:
        page.goto(studio.entrance)
        page.get_by_role("button", name="Stop").focus()
        with events.open("a") as stream:
            stream.write(json.dumps(stage | {"done": 2}) + "\n")
        page.get_by_text("2 of 9").wait_for()
        assert page.evaluate("document.activeElement.innerText") == "Stop"


def test_a_training_that_ends_leaves_the_focus_where_it_is(tmp_path: Path) -> None:
    project = looked_at(tmp_path)
    images = running(project)
    with studio_of(project) as studio, browser_page(refused="ERR_FAILED") as page:
        page.goto(studio.entrance)
        page.get_by_role("navigation").get_by_role("link", name="Train").click()
        page.locator(".watched img").first.wait_for()
        assert page.title() == "Train a model · Graft studio"
        page.locator("#language").focus()
        failed: list[Route] = []

        def fail(route: Route) -> None:
            failed.append(route)
            route.abort()

        # Nor does a network that fails for a moment end the view.
        page.route("**/training", fail, times=2)
        write_finished_run(project, images[0], "green", before=1, new=2)
        page.get_by_role("heading", name="The new version is better").wait_for()
        assert len(failed) == 2
        assert page.evaluate("document.activeElement.id") == "language"
        assert not page.locator("#notice").is_visible()


def test_what_another_page_has_started_is_joined_and_nothing_is_asked_twice(tmp_path: Path) -> None:
    project = looked_at(tmp_path)
    held: list[Route] = []
    with studio_of(project) as studio, browser_page(refused=409) as page:
        page.goto(studio.entrance)
        page.get_by_role("navigation").get_by_role("link", name="Train").click()
        page.route(
            "**/training",
            lambda route: (
                held.append(route) if route.request.method == "POST" else route.fallback()
            ),
        )
        starts = page.get_by_role("button", name="Start")
        with page.expect_request("**/training"):
            starts.first.click()
        assert [start.is_disabled() for start in starts.all()] == [True] * 3
        running(project)
        held.pop().continue_()
        page.get_by_role("button", name="Stop").wait_for()
        assert not page.locator("#notice").is_visible()


def running(project: Project) -> list[Path]:
    """Leave what a training leaves on its way; return two of its images."""
    images = sorted((project.data / "red").iterdir())[:2]
    write_running_run(project, [("green", "blue"), ("green", "red")], images)
    return images
