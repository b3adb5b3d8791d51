"""Every view for everybody: what axe finds, and what overflows, in all languages, lights and widths."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page

from studio.projects.project import Project
from tests.studio.browser import RunningStudio, no_violations
from tests.studio.every_view import opened, views_of_data, views_of_models, views_of_piles

pytestmark = [pytest.mark.chromium, pytest.mark.training]

# Every pair of a language, a light and a width.
SETTINGS = (("en", "light", 1280), ("en", "dark", 390), ("ko", "dark", 1280), ("ko", "light", 390))
WIDER_THAN_THE_WINDOW = """() => [...document.querySelectorAll("body *")].filter((e) =>
  e.getBoundingClientRect().right > innerWidth + 1 && !e.closest("nav, .wide, .taken, .unseen, .skip")
).map((e) => e.outerHTML.slice(0, 120))"""


@pytest.mark.parametrize("views", [views_of_data, views_of_models, views_of_piles])
def test_nobody_is_shut_out_of_any_view(
    tmp_path: Path,
    views: Callable[[Page, RunningStudio, Project, Callable[[str], None]], None],
) -> None:
    with opened(tmp_path) as (page, studio, project):
        language = ""

        def look(view: str) -> None:
            for wanted, light, width in SETTINGS:
                if wanted == language:
                    page.emulate_media(color_scheme=light)  # type: ignore[arg-type]
                    page.set_viewport_size({"width": width, "height": 800})
                    no_violations(page)
                    assert page.evaluate(WIDER_THAN_THE_WINDOW) == [], (view, wanted, width)

        for language in ("en", "ko"):
            page.evaluate(f"localStorage.setItem('graft-studio-language', '{language}')")
            views(page, studio, project, look)
