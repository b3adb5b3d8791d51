"""The texts of the page: every one in every language, with the same places for values."""

import ast
import json
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
TEXTS = ROOT / "studio" / "page" / "texts"
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


def test_every_kind_of_finding_has_a_title() -> None:
    kinds = {kind for file in (ROOT / "training").rglob("*.py") for kind in kinds_of(file)}
    assert {"leakage", "dark", "over_limits", "class_missing_in_split"} <= kinds
    for language in ("en", "ko"):
        titles = {key.removeprefix("finding.") for key in texts(language)}
        assert kinds - titles == set(), language
        assert {key for key in texts(language) if key.startswith("finding.")} == {
            f"finding.{kind}" for kind in kinds
        }


def kinds_of(file: Path) -> set[str]:
    """Return the kinds of the findings that a module makes.

    `kind` is a text, a constant of the module, or the first name of a tuple that a loop takes apart.
    """
    nodes = list(ast.walk(ast.parse(file.read_text("utf-8"))))
    given = [
        keyword.value
        for call in nodes
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "Finding"
        for keyword in call.keywords
        if keyword.arg == "kind"
    ]
    names = {value.id for value in given if isinstance(value, ast.Name)}
    for node in nodes:
        if (
            isinstance(node, ast.AnnAssign)
            and getattr(node.target, "id", "") in names
            and node.value
        ):
            given.append(node.value)
        elif isinstance(node, ast.Tuple) and node.elts and "kind" in names:
            given.append(node.elts[0])
    constants = [value.value for value in given if isinstance(value, ast.Constant)]
    return {value for value in constants if isinstance(value, str)}
