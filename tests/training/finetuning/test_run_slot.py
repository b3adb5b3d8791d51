"""Two runs of one name at one time do not take each other's checkpoint."""

from contextlib import ExitStack
from pathlib import Path

import pytest

from training.errors import ConfigError
from training.finetuning.run_slot import run_slot

pytestmark = pytest.mark.training


def test_the_second_run_has_a_name_of_its_own_and_the_next_one_the_first_again(
    tmp_path: Path,
) -> None:
    with (
        run_slot(tmp_path / "runs", "photos") as first,
        run_slot(tmp_path / "runs", "photos") as second,
    ):
        assert first == "photos" != second
    with run_slot(tmp_path / "runs", "photos") as again:
        assert again == "photos"


def test_the_same_command_goes_on_with_the_one_that_was_stopped(tmp_path: Path) -> None:
    with run_slot(tmp_path, "photos"), run_slot(tmp_path, "photos") as second:
        (tmp_path / f"{second}.pt").touch()
    with run_slot(tmp_path, "photos") as resumed:
        assert resumed == second
        with run_slot(tmp_path, "photos") as other:
            assert other == "photos"


def test_too_many_are_refused(tmp_path: Path) -> None:
    with ExitStack() as stack:
        names = [stack.enter_context(run_slot(tmp_path, "photos")) for _ in range(4)]
        assert len(set(names)) == 4
        with pytest.raises(ConfigError, match="4 runs of this name"):
            stack.enter_context(run_slot(tmp_path, "photos"))
