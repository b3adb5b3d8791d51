"""The pages say what the program does."""

import re
from pathlib import Path

from service.settings import Settings

ROOT = Path(__file__).parent.parent


def test_every_setting_of_the_service_is_documented_and_no_other() -> None:
    text = (ROOT / "docs" / "service.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"GRAFT_[A-Z_]+", text))
    assert documented == {f"GRAFT_{name.upper()}" for name in Settings.model_fields}


def test_every_page_that_the_readme_links_exists() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in link]
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
