"""The other views of the page, in a browser: sorting, collecting, adding, training, trying."""

from pathlib import Path

import pytest

from inference.repository import Repository
from service.collect.daily_sums import SUMS_FOLDER, DailySums
from studio.piles.pile_file import write_pile
from studio.projects.project import Project
from tests.builders import make_package
from tests.service.collect.test_daily_sums import answer
from tests.service.telemetry.test_drift_metrics import with_reference
from tests.studio.browser import browser_page, no_violations, studio_of
from tests.studio.projects import looked_at, pile_of_colours
from tests.studio.test_collecting import files, keep
from tests.studio.training_states import write_finished_run, write_running_run

pytestmark = [pytest.mark.chromium, pytest.mark.training]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return looked_at(tmp_path)


def test_a_pile_is_named_by_keys_and_copied_on_a_word(project: Project, tmp_path: Path) -> None:
    pile = pile_of_colours(tmp_path / "pile", count=8)
    write_pile(project.workspace / "pile", pile)
    # As a look that has ended leaves it.
    looking = project.workspace / "pile" / "looking"
    looking.mkdir()
    job = '{"command": [], "pid": 999999999, "process_started": "1", "began": 0, "details": {"folder": "x"}}'
    (looking / "job.json").write_text(job)
    (looking / "events.jsonl").write_text('{"event": "end", "exit_code": 0}\n')
    with studio_of(project) as studio, browser_page() as page:
        page.goto(studio.entrance)
        page.get_by_role("heading", name="What is in the folder").wait_for()
        page.goto(f"{studio.url}/#/{project.name}/pile")
        page.get_by_role("heading", name="What are these?").wait_for()
        no_violations(page)
        before = page.locator(".tile").count()
        page.keyboard.press("x")
        page.locator(".tile.out").wait_for()
        page.keyboard.press("n")
        page.get_by_role("combobox", name="Which label").fill("t-lemon")
        page.keyboard.press("Enter")
        page.get_by_text(f"{before - 1} of 16").first.wait_for()
        page.keyboard.press("z")
        page.get_by_text("0 of 16").first.wait_for()
        page.keyboard.press("x")
        page.locator(".tile.out").wait_for()
        page.keyboard.press("n")
        # A whole name that is part of another's is a new one.
        page.get_by_role("combobox", name="Which label").fill("lemon")
        page.keyboard.press("Enter")
        page.get_by_text(f"{before - 1} of 16").first.wait_for()
        page.get_by_role("button", name="Copy").click()
        page.get_by_text(f"{before - 1} copied").wait_for()
        page.get_by_role("button", name="Another folder").click()
        page.get_by_role("heading", name="Sort unlabelled photos").wait_for()
        page.keyboard.press("n")
        assert page.get_by_role("combobox", name="Which label").count() == 0
    assert files(project, "lemon") == before - 1


def test_what_a_service_kept_is_answered_by_keys(project: Project, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    for number in range(5):
        keep(kept, number, 0.2 + number / 10)
    make_package(project.models_dir, name=project.name, after=with_reference)
    sums = DailySums(kept / SUMS_FOLDER)
    sums.note(project.name, 1, [answer("red", probability=0.5)] * 200)
    sums.flush()
    with (
        studio_of(project, "--keep-dir", str(kept)) as studio,
        browser_page() as page,
    ):
        page.goto(studio.entrance)
        page.get_by_role("heading", name="What is in the folder").wait_for()
        page.goto(f"{studio.url}/#/{project.name}/collect")
        page.get_by_role("heading", name="This was rejected").wait_for()
        page.get_by_text("far less sure than in validation").wait_for()
        no_violations(page)
        page.keyboard.press("g")
        page.get_by_text("4 to look at").wait_for()
        page.keyboard.press("o")
        page.get_by_role("combobox", name="Which label").fill("lemon")
        page.keyboard.press("Enter")
        page.get_by_text("3 to look at").wait_for()
        page.keyboard.press("6")  # a new class is one key from then on
        page.get_by_text("2 to look at").wait_for()
        page.reload()
        page.get_by_role("button", name="lemon").wait_for()
        no_violations(page)
        page.keyboard.press("6")
        page.get_by_text("1 to look at").wait_for()
        page.keyboard.press("x")
        page.get_by_role("heading", name="All looked at.").wait_for()
        page.keyboard.press("z")
        page.get_by_text("1 to look at").wait_for()
        page.keyboard.press("x")
        page.get_by_role("heading", name="All looked at.").wait_for()
        page.get_by_role("button", name="Copy").click()
        page.get_by_text("4 copied").wait_for()
        no_violations(page)
    assert files(project, "red") == 7
    assert files(project, "lemon") == 3


def test_photos_are_taken_while_the_button_is_held(project: Project) -> None:
    with studio_of(project) as studio, browser_page(refused=422) as page:
        page.goto(studio.entrance)
        page.get_by_role("heading", name="What is in the folder").wait_for()
        page.goto(f"{studio.url}/#/{project.name}/add")
        page.get_by_label("Name of a class").fill("<b>hand</b>")
        page.get_by_role("button", name="Add class").click()
        page.get_by_text("no folder can be called").wait_for()
        page.get_by_label("Name of a class").fill("hand")
        page.keyboard.press("Enter")
        card = page.get_by_role("listitem").filter(has=page.get_by_role("heading", name="hand"))
        page.get_by_role("button", name="Camera").click()
        hold = card.get_by_role("button", name="Hold to take photos")
        hold.hover()
        page.mouse.down()
        card.locator(".taken img").nth(1).wait_for()
        page.mouse.up()
        no_violations(page)
    assert files(project, "hand") >= 2


def test_a_model_is_tried_and_the_choices_are_shown(project: Project) -> None:
    make_package(project.models_dir, name=project.name)
    with studio_of(project) as studio, browser_page() as page:
        page.goto(studio.entrance)
        page.get_by_role("heading", name="What is in the folder").wait_for()
        page.goto(f"{studio.url}/#/{project.name}/train")
        page.get_by_role("heading", name="Ten minutes").wait_for()
        page.get_by_role("heading", name="Versions").wait_for()
        no_violations(page)
        page.goto(f"{studio.url}/#/{project.name}/try")
        image = project.data / "green" / "image3.png"
        page.locator("input[type=file]").set_input_files(image)
        page.locator(".best bdi", has_text="green").wait_for()
        no_violations(page)
        page.get_by_role("button", name="Camera").click()
        page.locator(".live meter").first.wait_for()


def test_the_new_version_is_laid_beside_the_old_one_and_published(project: Project) -> None:
    for _ in range(2):
        make_package(project.models_dir, name=project.name)
    Repository(project.models_dir).set_alias(project.name, "stable", 1)
    red = project.data / "red" / "image1.png"
    write_finished_run(project, red, "green", before=1, new=2)
    with studio_of(project) as studio, browser_page() as page:
        page.goto(studio.entrance)
        page.get_by_role("heading", name="What is in the folder").wait_for()
        page.goto(f"{studio.url}/#/{project.name}/train")
        page.get_by_role("heading", name="The new version is better").wait_for()
        page.get_by_text("red: before green, now red").wait_for()
        no_violations(page)
        page.get_by_role("button", name="Publish version 2").click()
        page.get_by_text("Version 2 answers now.").wait_for()
        page.get_by_role("button", name="Go back to version 1").wait_for()
    assert Repository(project.models_dir).resolve(project.name) == 2


def test_images_that_turn_right_are_shown_while_it_trains(project: Project) -> None:
    images = sorted((project.data / "red").iterdir())[:2]
    write_running_run(project, [("green", "blue"), ("green", "red")], images)
    with studio_of(project) as studio, browser_page() as page:
        page.goto(studio.entrance)
        page.get_by_role("heading", name="What is in the folder").wait_for()
        page.goto(f"{studio.url}/#/{project.name}/train")
        page.get_by_text("1 of 2 are right. Wrong at first, right now: 1.").wait_for()
        page.get_by_text("red; before: green").wait_for()
        page.get_by_text("blue; it is red").wait_for()
        assert page.locator(".watched img").evaluate_all("all => all.every((i) => i.naturalWidth)")
        no_violations(page)
