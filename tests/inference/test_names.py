"""What is allowed as a name, and that nothing else can reach the disk."""

import pytest

from inference.errors import InvalidName
from inference.names import MAX_VERSION, check_alias, check_model_name, parse_version

FORBIDDEN = [
    "",
    ".",
    "..",
    "../x",
    "a/b",
    "a\\b",
    "/etc",
    ".hidden",
    "-flag",
    "_x",
    "a b",
    " a",
    "name\n",
    "\nname",
    "a\0b",
    "a%2fb",
    "~root",
    "C:",
    "한글",
    "é",
    "\u0661",  # ARABIC-INDIC DIGIT ONE: a digit to str.isdigit
    "a\u0661",
    "ａ",  # FULLWIDTH LATIN SMALL LETTER A
    "x" * 65,
]


@pytest.mark.parametrize("name", ["a", "7", "A.b_c-D", "a..b", "clothing-2024", "x" * 64])
def test_an_allowed_name_is_returned(name: str) -> None:
    assert check_model_name(name) == name


@pytest.mark.parametrize("name", FORBIDDEN)
def test_a_forbidden_name_is_refused_for_models_and_aliases(name: str) -> None:
    with pytest.raises(InvalidName, match="not allowed"):
        check_model_name(name)
    with pytest.raises(InvalidName, match="not allowed"):
        check_alias(name)


def test_a_long_name_is_cut_in_the_message() -> None:
    with pytest.raises(InvalidName) as refusal:
        check_model_name("x" * 100_000)
    assert len(str(refusal.value)) < 300


@pytest.mark.parametrize("alias", ["stable", "canary", "v1", "2024-01", "x" * 64])
def test_an_allowed_alias_is_returned(alias: str) -> None:
    assert check_alias(alias) == alias


@pytest.mark.parametrize("alias", ["latest", "1", "007"])
def test_an_alias_that_means_something_else_is_refused(alias: str) -> None:
    with pytest.raises(InvalidName):
        check_alias(alias)


@pytest.mark.parametrize(
    ("text", "version"),
    [("1", 1), ("42", 42), ("20261231235959", 20_261_231_235_959), (str(MAX_VERSION), MAX_VERSION)],
)
def test_a_version_is_a_positive_integer(text: str, version: int) -> None:
    assert parse_version(text) == version


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "01",
        "-1",
        "+1",
        "1.0",
        "1 ",
        "1\n",
        "1_000",
        "\u0661",
        "²",
        str(MAX_VERSION + 1),
        "one",
    ],
)
def test_anything_else_is_no_version(text: str) -> None:
    assert parse_version(text) is None
