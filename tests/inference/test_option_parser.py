"""Command lines that cannot be used are refused in one sentence."""

import pytest

from inference.errors import UsageError
from inference.option_parser import OptionParser


def parser() -> OptionParser:
    made = OptionParser(prog="graft serve", description="Serve.")
    made.add_argument("data")
    made.add_argument("command", nargs="?", choices=["serve"])
    made.add_argument("--port", type=int)
    made.add_argument("--models-dir")
    return made


@pytest.mark.parametrize(
    "given",
    [["--prot", "1"], ["--prot=1"], ["-port", "1"], ["x", "--por", "9000"], ["--PORT", "1"]],
    ids=" ".join,
)
def test_a_mistyped_option_is_told_the_nearest_whatever_follows_it(given: list[str]) -> None:
    with pytest.raises(UsageError, match=r"no option -\S+; did you mean --port\?"):
        parser().parse_args(given)


def test_underscores_are_taken_for_what_they_are_meant_as() -> None:
    with pytest.raises(UsageError, match="did you mean --models-dir"):
        parser().parse_args(["--models_dir", "m"])


def test_an_option_like_no_other_is_told_where_all_are() -> None:
    with pytest.raises(UsageError, match="no option --zzz; graft serve --help lists all"):
        parser().parse_args(["x", "--zzz"])


def test_a_missing_argument_is_named() -> None:
    with pytest.raises(UsageError, match="data missing; graft serve --help says more"):
        parser().parse_args([])


def test_an_argument_too_many_is_named() -> None:
    with pytest.raises(UsageError, match="too many arguments: more; graft serve --help says which"):
        parser().parse_args(["x", "serve", "more"])


def test_values_that_look_like_options_are_values() -> None:
    assert parser().parse_args(["x", "--port", "-1"]).port == -1
    assert parser().parse_args(["x", "--models-dir=--odd"]).models_dir == "--odd"
    assert parser().parse_args(["--", "--odd"]).data == "--odd"
