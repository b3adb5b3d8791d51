"""The pages say what the program does, and name what is there."""

import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.settings import Settings

ROOT = Path(__file__).parent.parent
PACKAGES = ("graft", "inference", "service", "studio", "training")
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "models/README.md")),
    ROOT / "benchmarks" / "README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]
FOLDERS = (*PACKAGES, "benchmarks", "deploy", "docs", "scripts", "tests")
OF_OTHERS = {"image_client.py"}  # Triton's
page_names = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def in_readme_map(package: str) -> list[str]:
    """Return the entries of a package in the README's map, one per line, folders with a slash."""
    text = (ROOT / "README.md").read_text(encoding="utf-8").partition("## Map")[2]
    block = re.search(rf"^{package}/ .*?^```", text, re.DOTALL | re.MULTILINE)
    assert block is not None, f"the README's map has no {package}/"
    return re.findall(r"^  (\w+(?:\.py|/))  ", block[0], re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub gives a page's headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title).strip().lower().replace(" ", "-") for title in headings}


def broken_links(page: Path) -> Iterator[str]:
    for link in re.findall(r"\]\(([^) ]+)\)", page.read_text(encoding="utf-8")):
        path, _, anchor = link.partition("#")
        if "://" in link:
            continue
        target = page.parent / path if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            yield link


def test_every_setting_of_the_service_is_documented_and_no_other() -> None:
    text = (ROOT / "docs" / "service.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"GRAFT_[A-Z_]+", text))
    assert documented == {f"GRAFT_{name.upper()}" for name in Settings.model_fields}


@page_names
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    assert list(broken_links(page)) == []


@page_names
def test_every_source_that_a_page_names_exists(page: Path) -> None:
    """Named in full, from within a package (`run/fit.py`), or by its name alone (`test_access.py`)."""
    text = page.read_text(encoding="utf-8")
    files = [f"/{path.relative_to(ROOT)}" for top in FOLDERS for path in (ROOT / top).rglob("*")]
    named = {
        *re.findall(r"`([\w./-]*\w\.(?:py|sh|conf|yaml))`", text),
        *re.findall(rf"`((?:{'|'.join(FOLDERS)})/[\w./-]*?)/?`", text),
    }
    gone = {name for name in named if not (ROOT / name).exists()}
    gone = {name for name in gone if not any(file.endswith(f"/{name}") for file in files)}
    assert gone - OF_OTHERS == set()


@page_names
def test_every_module_that_a_page_runs_exists(page: Path) -> None:
    text = re.sub(r"-m\s+", "-m ", page.read_text(encoding="utf-8"))
    modules = set(
        re.findall(
            r"-m ((?:graft|inference|service|studio|training|benchmarks|scripts|tests)[\w.]*\w)",
            text,
        )
    )
    assert {name for name in modules if importlib.util.find_spec(name) is None} == set()


@pytest.mark.parametrize("package", PACKAGES)
def test_the_map_of_the_readme_has_every_folder_and_module_of_a_package(package: str) -> None:
    entries = {
        f"{path.name}/" if path.is_dir() else path.name
        for path in (ROOT / package).iterdir()
        if path.suffix == ".py" or (path.is_dir() and (path / "__init__.py").exists())
    }
    listed = in_readme_map(package)
    without_a_line = entries - {"__init__.py"} - set(listed)
    assert (without_a_line, set(listed) - entries) == (set(), set())
    assert len(listed) == len(set(listed))
