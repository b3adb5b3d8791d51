"""The command that chooses which version answers by default."""

import re
from pathlib import Path

import pytest

from inference.repository import Repository
from inference.set_alias import main
from tests.builders import make_package


def test_the_default_is_set_and_given_back(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_package(tmp_path)
    make_package(tmp_path)
    model = str(tmp_path / "colours")
    assert main([model, "stable", "1"]) == 0
    assert Repository(tmp_path).resolve("colours") == 1
    assert main([model, "stable", "--remove"]) == 0
    assert Repository(tmp_path).resolve("colours") == 2
    assert "version 2 of 'colours' is the default" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments", [["stable", "7"], ["latest", "1"], ["stable", "x"], ["stable"]]
)
def test_what_cannot_be_is_refused_in_one_line(
    tmp_path: Path, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    make_package(tmp_path)
    assert main([str(tmp_path / "colours"), *arguments]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (".", "is a folder of models; name one of them: .*colours"),
        ("colour", "no model 'colour' in .*; there are: colours"),
        ("colours/1", "is a version; give its model, '.*colours'"),
    ],
)
def test_a_wrong_path_is_told_what_is_there(
    tmp_path: Path, model: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    make_package(tmp_path)
    assert main([str(tmp_path / model), "stable", "1"]) == 2
    assert re.search(said, capsys.readouterr().err)
