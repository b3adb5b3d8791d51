"""Every view of the page, one after the other, on a project with strange labels."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page

from studio.piles.pile_file import write_pile
from studio.projects.project import Project
from tests.builders import make_package
from tests.studio.browser import RunningStudio, browser_page, studio_of
from tests.studio.projects import looked_at, pile_of_colours
from tests.studio.test_collecting import keep
from tests.studio.training_states import write_finished_run, write_running_run

LABELS = (
    "<img src=x onerror=alert(1)>",
    "صورة قبعة طويلة جدا",
    "긴 소매 셔츠와 아주 긴 이름의 클래스",
)

# Called with a view's name when it is all there; a view may be shown again in another language.
Look = Callable[[str], None]


def prepare(tmp_path: Path) -> Project:
    """Return a project with something to see in each view."""
    project = looked_at(tmp_path, LABELS, count=8)
    for _ in range(2):
        make_package(project.models_dir, name=project.name)
    write_pile(project.workspace / "pile", pile_of_colours(tmp_path / "pile", count=8))
    looking = project.workspace / "pile" / "looking"
    looking.mkdir()
    job = {"command": [], "pid": 999999999, "process_started": "1", "began": 0}
    (looking / "job.json").write_text(json.dumps({**job, "details": {"folder": "x"}}))
    (looking / "events.jsonl").write_text('{"event": "end", "exit_code": 0}\n')
    for number, probability in enumerate((0.2, 0.5)):
        keep(tmp_path / "kept", number, probability)
    return project


@contextmanager
def opened(tmp_path: Path) -> Iterator[tuple[Page, RunningStudio, Project]]:
    """Yield a page of a studio with such a project."""
    project = prepare(tmp_path)
    with (
        studio_of(project, "--keep-dir", str(tmp_path / "kept")) as studio,
        browser_page() as page,
    ):
        page.goto(studio.entrance)
        page.locator(".classes a").first.wait_for()
        yield page, studio, project


def views_of_data(page: Page, studio: RunningStudio, project: Project, look: Look) -> None:
    """Choosing, looking, adding, answering."""
    show = _shower(page, studio, project, look)
    show("chooser", "", ".folders")
    show("data", "data", ".classes a")
    show("class", f"class/{LABELS[2]}", ".tile")
    show("add", "add", ".class-card")
    show("review", "review", ".review .large img")
    page.keyboard.press("o")
    page.locator("dialog input").wait_for()
    look("picker")
    page.keyboard.press("Escape")


def views_of_models(page: Page, studio: RunningStudio, project: Project, look: Look) -> None:
    """Training, from the choices to the decision, and trying."""
    show = _shower(page, studio, project, look)
    show("train", "train", ".choice >> nth=2")
    images = sorted((project.data / LABELS[1]).iterdir())[:2]
    names = [(LABELS[0], LABELS[2]), (LABELS[0], LABELS[1])]
    write_running_run(project, names, images)
    show("training", "train", ".watched img")
    write_finished_run(project, images[0], LABELS[2], before=1, new=2)
    show("trained", "train", ".change img")
    show("try", "try", ".drop")
    page.locator("input[type=file]").set_input_files(images[0])
    page.locator(".guess").first.wait_for()
    page.locator("summary").last.click()
    look("tried")


def views_of_piles(page: Page, studio: RunningStudio, project: Project, look: Look) -> None:
    """Sorting and collecting."""
    show = _shower(page, studio, project, look)
    show("pile", "pile", ".tile")
    page.keyboard.press("x")
    look("pile struck")
    show("collect", "collect", ".review .large img")
    page.keyboard.press("x")
    page.locator("progress[value='1']").wait_for()
    look("collected one")


def _shower(
    page: Page, studio: RunningStudio, project: Project, look: Look
) -> Callable[[str, str, str], None]:
    def show(view: str, place: str, ready: str) -> None:
        page.goto("about:blank")
        page.goto(f"{studio.url}/#/{project.name}/{place}" if place else f"{studio.url}/#/")
        page.locator(ready).first.wait_for()
        look(view)

    return show
