"""The texts of the page: every one in every language, with the same places for values."""

import json
import re
from pathlib import Path

TEXTS = Path(__file__).parents[2] / "studio" / "page" / "texts"
PAGE = TEXTS.parent


def texts(language: str) -> dict[str, str]:
    lines = re.findall(
        r'^  "?([\w. ]+?)"?: (".*"),$', (TEXTS / f"{language}.js").read_text("utf-8"), re.MULTILINE
    )
    return {key: json.loads(text) for key, text in lines}


def test_both_languages_say_the_same_things() -> None:
    english, korean = texts("en"), texts("ko")
    plain = {key: text for key, text in english.items() if not key.endswith(".one")}
    assert plain.keys() == korean.keys()
    for key, text in plain.items():
        assert set(re.findall(r"\{\w+\}", text)) == set(re.findall(r"\{\w+\}", korean[key])), key


def test_every_text_that_the_page_asks_for_exists() -> None:
    sources = "".join(file.read_text("utf-8") for file in PAGE.rglob("*.js"))
    asked = set(re.findall(r'\bt\("([\w. ]+)"', sources))
    assert asked - texts("en").keys() == set()
