"""Runs with bound memory answer as plain runs do; on the CPU here, where a GPU is not at hand."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import onnxruntime as ort
import pytest

from inference.bound_runs import BoundRuns, padded_size
from inference.errors import SessionError
from inference.onnxruntime_session import OnnxRuntimeSession
from inference.pinned import has_gpu, pinned_array
from inference.session import INPUT_NAME
from tests import hostile_models
from tests.builders import SIDE_PX, colour_model

OUTPUTS = ("logits", "probabilities", "embedding")


@pytest.fixture(scope="module")
def session() -> ort.InferenceSession:
    return ort.InferenceSession(colour_model(), providers=["CPUExecutionProvider"])


@pytest.fixture
def runs(session: ort.InferenceSession) -> BoundRuns:
    return BoundRuns(session, input_name=INPUT_NAME, device="cpu", graphs=False)


def images(*values: int) -> list[np.ndarray]:
    return [np.full((SIDE_PX, SIDE_PX, 3), value, np.uint8) for value in values]


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8])
def test_the_answers_are_those_of_a_plain_run(
    session: ort.InferenceSession, runs: BoundRuns, count: int
) -> None:
    rng = np.random.default_rng(count)
    batch = rng.integers(0, 256, (count, SIDE_PX, SIDE_PX, 3), np.uint8)
    expected = session.run(list(OUTPUTS), {INPUT_NAME: batch})
    for given in (batch, list(batch)):
        got = runs.run(given, OUTPUTS)
        assert list(got) == list(OUTPUTS)
        for name, values in zip(OUTPUTS, expected, strict=True):
            np.testing.assert_array_equal(got[name], values)


def test_an_answer_is_not_overwritten_by_the_next_batch(runs: BoundRuns) -> None:
    first = runs.run(images(255), ["embedding"])["embedding"]
    runs.run(images(0), ["embedding"])
    np.testing.assert_array_equal(first, np.ones((1, 3), np.float32))


def test_padding_keeps_no_image_of_an_earlier_batch_in_the_answer(runs: BoundRuns) -> None:
    runs.run(images(255, 255, 255, 255), ["embedding"])
    got = runs.run(images(0, 51, 102), ["embedding"])["embedding"]
    np.testing.assert_allclose(got[:, 0], [0, 0.2, 0.4], atol=1e-6)


def test_batches_that_run_at_one_time_are_not_mixed_up(runs: BoundRuns) -> None:
    start = threading.Barrier(4)

    def run(value: int) -> bool:
        start.wait(timeout=30)
        return all(
            np.allclose(runs.run(images(value, value), ["embedding"])["embedding"], value / 255)
            for _ in range(30)
        )

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(run, (0, 51, 102, 255)))


def test_other_outputs_are_bound_beside_the_first(runs: BoundRuns) -> None:
    assert list(runs.run(images(9), ["logits"])) == ["logits"]
    got = runs.run(images(9), ["activation_map", "logits"])
    assert got["activation_map"].shape == (1, SIDE_PX, SIDE_PX)


@pytest.mark.parametrize(
    "bad",
    [
        np.zeros((1, SIDE_PX + 1, SIDE_PX, 3), np.uint8),
        np.zeros((1, SIDE_PX, SIDE_PX, 3), np.float32),
        [np.zeros((SIDE_PX, SIDE_PX, 3), np.uint8), np.zeros((1, 1, 3), np.uint8)],
    ],
    ids=["other size", "other type", "unequal sizes"],
)
def test_images_that_do_not_fit_are_refused_and_the_next_batch_is_answered(
    session: ort.InferenceSession, runs: BoundRuns, bad: np.ndarray
) -> None:
    model = OnnxRuntimeSession(session, "cpu", 1, runs)
    with pytest.raises(SessionError, match="failed on a batch of shape"):
        model.run(bad, OUTPUTS)
    assert model.run(images(255), ["embedding"])["embedding"][0, 0] == 1


@pytest.mark.parametrize(("count", "size"), [(1, 1), (2, 2), (3, 4), (8, 8), (9, 16)])
def test_batches_are_padded_to_powers_of_two(count: int, size: int) -> None:
    assert padded_size(count) == size


def test_host_memory_is_there_with_and_without_a_gpu() -> None:
    memory, is_pinned = pinned_array((4, 5, 3))
    memory.fill(7)
    assert memory.shape == (4, 5, 3)
    assert is_pinned <= has_gpu()


def test_a_run_without_an_end_is_ended_and_its_lane_is_not_used_again() -> None:
    model = hostile_models.endless_for(250)
    session = ort.InferenceSession(model, providers=["CPUExecutionProvider"])
    runs = BoundRuns(session, input_name="image", device="cpu", graphs=False)
    bound = OnnxRuntimeSession(session, "cpu", 1, runs, run_limit_s=0.3)
    for _ in range(2):
        with pytest.raises(SessionError, match=r"ended after 0\.3 s on a batch"):
            bound.run(images(255), ["embedding"])
        assert bound.run(images(0), ["embedding"])["embedding"][0, 0] == 0
