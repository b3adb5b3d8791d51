"""One version: what pyproject.toml says, the changelog and the service say too."""

import re
import tomllib
from pathlib import Path

from service.app import create_app
from service.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]


def test_the_changelog_opens_with_the_current_version() -> None:
    headings = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.M)
    assert headings[0] == VERSION


def test_the_service_reports_the_current_version(models_dir: Path) -> None:
    assert create_app(Settings(models_dir=models_dir)).version == VERSION
