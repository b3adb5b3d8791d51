"""Written JSON: the same values, and lists of numbers on one line."""

import json

import pytest

from training.runtime.json_text import json_text

pytestmark = pytest.mark.training


def test_lists_of_numbers_take_one_line_and_nothing_else_changes() -> None:
    content = {
        "confusion": {"val": [[3, 0], [1, 2]]},
        "interval": [-0.5, 1e-05],
        "paths": ["[\n 1,\n 2\n]", "[ 3 ]"],
        "mixed": [1, "2", None],
        "empty": [],
    }
    text = json_text(content)
    assert json.loads(text) == content
    assert "      [3, 0],\n      [1, 2]\n" in text
    assert '"interval": [-0.5, 1e-05]' in text
