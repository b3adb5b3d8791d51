"""The page around its views: addresses, dropped files, a studio that is gone, a folder that has moved."""

from pathlib import Path

import pytest

from tests.studio.browser import browser_page, no_violations, studio_of
from tests.studio.projects import looked_at

pytestmark = [pytest.mark.chromium, pytest.mark.training]

# Whether the page leaves a drop to the browser, which would open the photo in its place.
LEAVES_TO_THE_BROWSER = """() => {
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(new File(["x"], "photo.jpg"));
  const drop = new DragEvent("drop", { bubbles: true, cancelable: true, dataTransfer });
  return document.querySelector("header").dispatchEvent(drop);
}"""


def test_a_damaged_address_says_so_and_a_drop_beside_its_place_does_nothing(tmp_path: Path) -> None:
    with studio_of(looked_at(tmp_path)) as studio, browser_page(refused=404) as page:
        page.goto(studio.entrance)
        page.get_by_role("heading", name="Classes").wait_for()
        page.goto(f"{studio.url}/#/%E0")
        page.get_by_role("heading", name="That did not work").wait_for()
        assert page.evaluate(LEAVES_TO_THE_BROWSER) is False


def test_a_studio_that_is_gone_says_what_to_do_in_the_person_s_language(tmp_path: Path) -> None:
    project = looked_at(tmp_path)
    with browser_page(locale="ko-KR", refused="ERR_CONNECTION_REFUSED") as page:
        with studio_of(project) as studio:
            page.goto(studio.entrance)
            page.locator(".classes a").first.wait_for()
        page.get_by_role("navigation").get_by_role("link", name="학습").click()
        page.get_by_text("다시 시작한 뒤 출력되는 주소를 여세요").wait_for()


def test_a_folder_that_has_moved_is_shown_where_it_is_now(tmp_path: Path) -> None:
    project = looked_at(tmp_path)
    with studio_of(project) as studio, browser_page(refused=404) as page:
        page.goto(studio.entrance)
        page.get_by_role("heading", name="Classes").wait_for()
        there = project.data.rename(tmp_path / "holiday")
        page.goto(f"{studio.url}/#/")
        page.get_by_text("open to say where it is now").wait_for()
        page.get_by_role("link", name="photos").click()
        page.get_by_role("heading", name="It is here now").wait_for()
        no_violations(page)
        page.get_by_role("button", name="Choose holiday").click()
        page.get_by_role("button", name="Look again").wait_for()
        page.get_by_text(str(there)).wait_for()
