"""What a run says of a teacher."""

import io
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from rich.console import Console

from training.config import FinetuneConfig
from training.run.ask_teacher import ask_teacher
from training.runtime.progress import Display

pytestmark = pytest.mark.training


def test_it_is_said_that_unlabelled_images_are_not_used_where_the_best_candidate_is_the_chosen_one(
    tmp_path: Path,
) -> None:
    config = FinetuneConfig(
        data=tmp_path, backbone="auto", teacher=Path("auto"), unlabelled=tmp_path, method="probe"
    )
    shown = io.StringIO()
    prepared = cast(Any, SimpleNamespace(teacher=None))  # all that is asked of it
    display = Display(Console(file=shown))
    assert ask_teacher(None, prepared, config, ExitStack(), display) is None
    assert shown.getvalue() == (
        "no teacher: the chosen backbone is the best of the candidates; --unlabelled is not used\n"
    )
