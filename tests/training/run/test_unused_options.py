"""What a person asked for, and a run does not do, is said."""

from pathlib import Path

import pytest

from tests.training.conftest import Command

pytestmark = pytest.mark.training


def test_options_of_training_are_named_where_nothing_is_trained(
    command: Command, colours: Path
) -> None:
    outcome = command(colours, "--epochs", "5", "--learning-rate", "0.1", "--dry-run")
    assert (
        "warning: not used: --epochs, --learning-rate; this run fits a linear probe" in outcome.out
    )
    assert "not used" not in command(colours, "--dry-run").out
