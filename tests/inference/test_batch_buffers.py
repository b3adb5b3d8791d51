"""Batches are assembled without taking new memory, and never mixed up."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from inference.batch_buffers import BatchBuffers, Pixels

SIDE_PX = 8


def image(value: int) -> Pixels:
    return np.full((SIDE_PX, SIDE_PX, 3), value, np.uint8)


def test_images_become_a_batch_in_their_order() -> None:
    with BatchBuffers().batch([image(value) for value in (3, 1, 2)]) as batch:
        assert batch.shape == (3, SIDE_PX, SIDE_PX, 3)
        assert [int(row[0, 0, 0]) for row in batch] == [3, 1, 2]


def test_a_single_image_and_a_batch_are_not_copied() -> None:
    buffers, single, whole = BatchBuffers(), image(7), np.stack([image(1), image(2)])
    with buffers.batch([single]) as batch:
        assert batch.shape == (1, SIDE_PX, SIDE_PX, 3)
        assert np.shares_memory(batch, single)
    with buffers.batch(whole) as batch:
        assert batch is whole


def test_memory_is_used_again_for_a_batch_that_is_no_larger() -> None:
    buffers = BatchBuffers()
    with buffers.batch([image(1)] * 4) as first:
        pass
    with buffers.batch([image(2)] * 3) as second:
        assert np.shares_memory(first, second)
        assert second.shape[0] == 3
    with buffers.batch([image(3)] * 5) as third:
        assert (third.shape[0], int(third[4, 0, 0, 0])) == (5, 3)


def test_two_batches_at_one_time_do_not_share_memory() -> None:
    buffers, meet = BatchBuffers(), threading.Barrier(2)

    def assemble(value: int) -> bool:
        with buffers.batch([image(value)] * 3) as batch:
            meet.wait(timeout=30)
            return bool((batch == value).all())

    with ThreadPoolExecutor(2) as pool:
        for _ in range(20):
            assert all(pool.map(assemble, (1, 2)))


def test_images_of_unequal_size_are_refused() -> None:
    small = np.zeros((1, 1, 3), np.uint8)
    with pytest.raises(ValueError, match="same shape"), BatchBuffers().batch([image(1), small]):
        pass
