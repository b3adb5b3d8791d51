"""The round by the keyboard alone: from the questions to the decision and a try."""

from pathlib import Path

import pytest
from playwright.sync_api import Page

from inference.repository import Repository
from tests.builders import make_package
from tests.studio.browser import browser_page, studio_of
from tests.studio.projects import looked_at
from tests.studio.training_states import write_finished_run, write_running_run

pytestmark = [pytest.mark.chromium, pytest.mark.training]

FOCUSED = """() => {
  const e = document.activeElement;
  if (e === document.body || e.id === "main") return "";
  return e.getAttribute("aria-label") || e.innerText || e.type || "";
}"""
MOST_TABS = 40


def tab_to(page: Page, name: str) -> None:
    """Press Tab until what is called so has the focus."""
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        if name in page.evaluate(FOCUSED):
            return
    raise AssertionError(f"{name!r} cannot be reached by Tab")


def go(page: Page, name: str, heading: str) -> None:
    """Follow a link or press a button, and wait for what it leads to."""
    tab_to(page, name)
    page.keyboard.press("Enter")
    page.get_by_role("heading", name=heading).first.wait_for()


def test_the_whole_round_needs_no_mouse(tmp_path: Path) -> None:
    project = looked_at(tmp_path)
    for _ in range(2):
        make_package(project.models_dir, name=project.name)
    Repository(project.models_dir).set_alias(project.name, "stable", 1)
    images = sorted((project.data / "red").iterdir())[:2]
    write_running_run(project, [("green", "blue"), ("green", "red")], images)
    with studio_of(project) as studio, browser_page() as page:
        page.goto(studio.entrance)
        page.get_by_role("heading", name="Classes").wait_for()
        go(page, "Review 3", "This is in red.")
        # Who answers by Tab and Enter stays at the answers.
        tab_to(page, "It is")
        for heading in ("This is in green.", "This is in blue.", "All answered."):
            page.keyboard.press("Enter")
            page.get_by_role("heading", name=heading).wait_for()
        go(page, "Train", "Train a model")
        tab_to(page, "Stop")
        write_finished_run(project, images[0], "green", before=1, new=2)
        page.get_by_role("heading", name="The new version is better").wait_for()
        tab_to(page, "Publish version 2")
        page.keyboard.press("Enter")
        page.get_by_text("Version 2 answers now.").wait_for()
        go(page, "Try", "Try the model")
        tab_to(page, "file")
        with page.expect_file_chooser() as chooser:
            page.keyboard.press("Space")
        chooser.value.set_files(images[0])
        page.locator(".guess").first.wait_for()
        go(page, "Data", "What is in the folder")
    assert Repository(project.models_dir).resolve(project.name) == 2
