"""What is predicted for what, as a table and as a drawing."""

import re

import numpy as np
import pytest

from training.report.figures.confusion_matrix import draw_heatmap, matrix_cells

pytestmark = pytest.mark.training


def test_a_cell_has_its_count_and_says_it_in_words() -> None:
    cells = matrix_cells(np.array([[8, 2], [0, 0]]), ["cat", "dog"])
    assert [[cell.count for cell in row] for row in cells.values()] == [[8, 2], [0, 0]]
    assert [[cell.right for cell in row] for row in cells.values()] == [
        [True, False],
        [False, True],
    ]
    assert cells["cat"][1].note == "cat answered as dog: 2"


def test_a_cell_is_as_dark_as_its_share_of_the_class() -> None:
    few, many = (matrix_cells(np.array([[n, n], [0, 4 * n]]), ["a", "b"]) for n in (1, 100))
    assert [cell.shade for cell in few["a"]] == [cell.shade for cell in many["a"]]
    assert few["b"][1].shade > few["a"][0].shade


def test_the_drawing_has_a_square_for_each_pair_that_occurs() -> None:
    counts = np.diag(np.full(100, 50))
    counts[3, 97] = 1
    drawn = draw_heatmap(counts, [f"class{i}" for i in range(100)])
    assert len(re.findall("<rect", drawn)) - 1 == 101
    assert "<title>class3 answered as class97: 1</title>" in drawn


def test_a_single_mistake_is_seen() -> None:
    drawn = draw_heatmap(np.array([[10_000, 1], [0, 10_000]]), ["a", "b"])
    assert min(map(float, re.findall(r'fill-opacity="([\d.]+)"', drawn))) >= 0.1
