"""What is published under a name that exists: another model never takes a served one's place."""

import shutil
from pathlib import Path

import pytest

from inference.repository import Repository
from tests.training.conftest import Command
from tests.training.folders import write_classes

pytestmark = pytest.mark.training


def published(command: Command, root: Path, labels: list[str]) -> Path:
    """Publish a model of a folder `data` with these labels."""
    shutil.rmtree(root / "data", ignore_errors=True)
    data = write_classes(root / "data", labels, count=6)
    return command(data, "--method", "probe").published


def test_labels_that_have_none_in_common_are_refused_before_training(
    command: Command, models_dir: Path, tmp_path: Path
) -> None:
    published(command, tmp_path / "a", ["cat", "dog"])
    other = write_classes(tmp_path / "b" / "data", ["ok", "rust"], count=6)
    for flags in ((), ("--dry-run",)):
        outcome = command(other, *flags)
        assert outcome.code == 2
        assert "'data' is there already" in outcome.err
        assert "--name" in outcome.err
        assert "backbone" not in outcome.out
    assert Repository(models_dir).versions("data") == [1]
    assert command(other, "--method", "probe", "--name", "parts").published.parent.name == "parts"


def test_a_version_without_an_old_label_does_not_become_the_default(
    command: Command, models_dir: Path, tmp_path: Path
) -> None:
    published(command, tmp_path, ["cat", "dog", "fox"])
    shutil.rmtree(tmp_path / "data" / "fox")
    outcome = command(tmp_path / "data", "--method", "probe")
    assert "'fox'; the new version will not become the default" in outcome.out
    assert outcome.published.name == "2"
    assert Repository(models_dir).resolve("data") == 1
    (line,) = [line for line in outcome.out.splitlines() if "inference.set_alias" in line]
    assert line.endswith("data stable 2")


def test_few_labels_in_common_under_a_folders_name_are_refused_until_the_name_is_given(
    command: Command, models_dir: Path, tmp_path: Path
) -> None:
    published(command, tmp_path / "kim", ["hat", "pants"])
    other = write_classes(tmp_path / "lee" / "data", ["hat", "shoes"], count=6)
    outcome = command(other)
    assert outcome.code == 2
    assert "of the 3 labels of its version 1 and this folder only 1 is in common" in outcome.err
    assert "it has 'pants', this folder 'shoes'" in outcome.err
    assert "add --name data" in outcome.err
    meant = command(other, "--method", "probe", "--name", "data")
    assert meant.published.name == "2"
    assert Repository(models_dir).resolve("data") == 1


def test_added_labels_are_named_and_become_the_default(
    command: Command, models_dir: Path, tmp_path: Path
) -> None:
    published(command, tmp_path, ["cat", "dog"])
    data = write_classes(tmp_path / "data", ["cat", "dog", "fox"], count=6)
    outcome = command(data, "--method", "probe")
    assert "1 label more than in version 1 of 'data': 'fox'" in outcome.out
    assert Repository(models_dir).resolve("data") == int(outcome.published.name) == 2
