"""Batches in order, bounded, and one failure at a time."""

import itertools
from collections.abc import Iterator, Sequence
from functools import partial

import pytest

from inference.batch_buffers import Pixels
from inference.bulk.items import Item
from inference.bulk.pipeline import answer_items
from inference.classifier import BatchOutputs, Classifier
from inference.errors import SessionError
from tests.builders import LABELS, coloured


def endless(read: list[str]) -> Iterator[Item]:
    """Yield images for ever and note each that is taken."""
    for number in itertools.count():
        label = LABELS[number % 3]
        read.append(label)
        yield Item(name=label, read=partial(coloured, label))


def test_rows_come_in_order_and_no_more_is_taken_than_is_worked_on(classifier: Classifier) -> None:
    taken: list[str] = []
    batches = answer_items(classifier, endless(taken), batch=4, workers=2, top_k=1)
    for _ in range(20):
        for row in next(batches):
            assert row.prediction is not None
            assert row.prediction.label == row.item.name
    assert len(taken) <= 4 * (20 + 3 * 2)
    batches.close()


def test_an_image_that_the_model_fails_on_costs_its_neighbours_nothing(
    classifier: Classifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Classifier.run

    def failing(self: Classifier, images: Sequence[Pixels]) -> BatchOutputs:
        if any(image[0, 0, 1] > 200 for image in images):  # green
            raise SessionError("the model failed")
        return run(self, images)

    monkeypatch.setattr(Classifier, "run", failing)
    items = itertools.islice(endless([]), 6)
    (rows,) = answer_items(classifier, items, batch=6, workers=1, top_k=1)
    assert [row.problem for row in rows] == [None, "the model failed", None] * 2
