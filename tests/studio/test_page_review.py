"""The page, in a browser: questions answered by keys alone, strange labels, and what axe finds."""

import csv
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route

from studio.analysis.analysis_file import read_analysis
from studio.projects.corrections import Correction, Corrections
from studio.projects.project import Project
from tests.studio.browser import browser_page, no_violations, studio_of
from tests.studio.projects import looked_at

pytestmark = [pytest.mark.chromium, pytest.mark.training]

LABELS = ("<img src=x onerror=alert(1)>", "صورة قبعة", "긴 소매")


def answers(project: Project) -> list[str]:
    with (project.workspace / "corrections.csv").open(encoding="utf-8", newline="") as stream:
        return [row["label"] for row in csv.DictReader(stream)]


def test_twenty_keys_answer_every_question_and_all_is_on_the_disk(tmp_path: Path) -> None:
    project = looked_at(tmp_path, LABELS)
    with studio_of(project) as studio, browser_page() as page:
        page.goto(studio.entrance)
        page.get_by_text("Review 3").click()
        heading = page.get_by_role("heading", level=1)
        heading.get_by_text(LABELS[0]).wait_for()
        no_violations(page)
        page.keyboard.press("g")
        heading.get_by_text(LABELS[2]).wait_for()
        assert answers(project) == [LABELS[1]]
        page.keyboard.press("o")
        page.keyboard.type("긴")
        page.keyboard.press("Enter")
        page.get_by_text("2 of 3").wait_for()
        page.keyboard.press("z")
        page.get_by_text("1 of 3").wait_for()
        undo_while_an_answer_is_saved(page)
        assert answers(project) == [LABELS[1]]
        page.keyboard.press("k")
        page.get_by_text("2 of 3").wait_for()
        page.keyboard.press("x")
        page.get_by_role("heading", name="All answered.").wait_for()
        assert answers(project) == [LABELS[1], LABELS[1], ""]
        no_violations(page)


def undo_while_an_answer_is_saved(page: Page) -> None:
    """Press X, whose question nobody has seen yet, and Z, before the answer K is on the disk."""
    held: list[Route] = []
    # A bound method of a built-in type is refused by Playwright.
    page.route("**/answers", lambda route: held.append(route))  # noqa: PLW0108
    with page.expect_request("**/answers"):
        page.keyboard.press("k")
    page.keyboard.press("x")
    page.keyboard.press("z")
    with page.expect_response("**/undo"):
        held.pop().continue_()
    page.get_by_text("1 of 3").wait_for()
    assert not held
    page.unroute("**/answers")


def test_the_page_speaks_korean(tmp_path: Path) -> None:
    project = looked_at(tmp_path)
    with studio_of(project) as studio, browser_page(locale="ko-KR") as page:
        page.goto(studio.entrance)
        page.get_by_role("heading", name="폴더 내용").wait_for()
        assert page.evaluate("document.documentElement.lang") == "ko"
        page.get_by_label("언어").select_option("en")
        page.get_by_role("heading", name="What is in the folder").wait_for()


def test_every_photo_that_is_left_out_can_be_reached(tmp_path: Path) -> None:
    project = looked_at(tmp_path, ("red",), count=61)
    images = read_analysis(project.analysis_dir).images
    corrections = [Correction(file_name=i.path, sha256=i.sha256, label="") for i in images]
    Corrections(project.workspace).put(*corrections)
    with studio_of(project) as studio, browser_page() as page:
        page.goto(studio.entrance)
        page.get_by_text("61 photos are left out").click()
        page.get_by_text("1 to 60 of 61").wait_for()
        page.get_by_role("button", name="Next").click()
        page.get_by_text("61 to 61 of 61").wait_for()
        # The last one of a page: the page before is shown.
        page.get_by_role("button", name="Take in again").click()
        page.locator("li .tile").nth(59).wait_for()
