"""What is chosen from what is measured; the measuring itself, on a real model."""

from collections.abc import Callable
from pathlib import Path

import pytest

from inference import Classifier, SessionConfig, read_package
from service.engine.tuning import Tuner, batch_buckets, images_per_s
from tests.builders import make_package


class Model:
    """Opens the colour model and notes with how many threads."""

    def __init__(self, models_dir: Path) -> None:
        self.opened: list[int] = []
        self._package = read_package(make_package(models_dir))

    def __call__(self, intra_op_threads: int) -> Classifier:
        self.opened.append(intra_op_threads)
        session = SessionConfig(provider="cpu", intra_op_threads=intra_op_threads)
        return Classifier.load(self._package, session=session)


def tuner(
    rate: Callable[[int, int, int], float],
    *,
    cores: int = 2,
    max_batch: int = 8,
    intra_op_threads: int = 0,
) -> Tuner:
    """Measures by a formula of threads, batches at one time and images in each."""

    def measure(classifier: Classifier, running: int, batch: int, seconds: float) -> float:
        return rate(classifier.session.intra_op_threads, running, batch)

    return Tuner(
        cores=cores,
        max_batch=max_batch,
        intra_op_threads=intra_op_threads,
        budget_s=60,
        measure=measure,
    )


def test_a_batch_on_each_core_is_taken_where_it_is_faster(models_dir: Path) -> None:
    found = tuner(lambda threads, running, batch: 100 * running).tune(
        "k", Model(models_dir), is_small=False
    )
    assert found.tuning.intra_op_threads == found.classifier.session.intra_op_threads == 1


def test_a_batch_on_each_core_decodes_its_own_images_and_one_more_waits_for_the_lock(
    models_dir: Path,
) -> None:
    tuning = (
        tuner(lambda threads, running, batch: 100 * running)
        .tune("k", Model(models_dir), is_small=False)
        .tuning
    )
    assert (tuning.decode_in_batch, tuning.max_running) == (True, 3)


def test_openvino_has_threads_of_its_own_so_that_two_batches_wait(models_dir: Path) -> None:
    package = read_package(make_package(models_dir))

    def open_model(intra_op_threads: int) -> Classifier:
        session = SessionConfig(provider="openvino", intra_op_threads=intra_op_threads)
        return Classifier.load(package, session=session)

    chooser = tuner(lambda threads, running, batch: 100 * running)
    tuning = chooser.tune("k", open_model, is_small=False).tuning
    assert (tuning.decode_in_batch, tuning.max_running) == (True, 4)


def test_where_one_batch_takes_all_cores_images_are_decoded_beside_it(models_dir: Path) -> None:
    tuning = tuner(lambda *_: 1.0).tune("k", Model(models_dir), is_small=False).tuning
    assert (tuning.decode_in_batch, tuning.max_running) == (False, 1)


def test_decoding_can_be_kept_out_of_the_batches(models_dir: Path) -> None:
    chooser = Tuner(cores=1, max_batch=1, intra_op_threads=0, budget_s=0, decode_in_batch=False)
    tuning = chooser.tune("k", Model(models_dir), is_small=False).tuning
    assert (tuning.decode_in_batch, tuning.max_running) == (False, 1)


def test_a_small_model_is_opened_on_all_cores_too_for_a_lone_image(models_dir: Path) -> None:
    model, chooser = Model(models_dir), tuner(lambda threads, running, batch: 100 * running)
    for _ in range(2):  # measured, then known
        found = chooser.tune("k", model, is_small=True)
        assert found.for_lone_image is not None
        assert found.for_lone_image.session.intra_op_threads == 2
        assert found.classifier.session.intra_op_threads == 1
    assert model.opened == [2, 1] * 2


def test_of_a_small_model_a_batch_on_each_core_is_taken_unless_it_is_clearly_slower(
    models_dir: Path,
) -> None:
    model = Model(models_dir)
    faster_alone = tuner(lambda threads, running, batch: 100 + 20 * threads)
    assert faster_alone.tune("k", model, is_small=True).tuning.intra_op_threads == 1
    slower = tuner(lambda threads, running, batch: 100 * threads).tune("k", model, is_small=True)
    assert slower.tuning.intra_op_threads == 2


def test_a_busy_moment_does_not_decide_how_a_model_runs(models_dir: Path) -> None:
    """The first plan that is measured meets one."""
    measured: list[int] = []

    def disturbed(threads: int, running: int, batch: int) -> float:
        measured.append(threads)
        return 100.0 if len(measured) > 1 else 20.0

    found = tuner(disturbed).tune("k", Model(models_dir), is_small=True)
    assert found.tuning.intra_op_threads == measured[0] == 1


def test_a_large_model_is_in_memory_once(models_dir: Path) -> None:
    chooser = tuner(lambda threads, running, batch: 100 * running)
    for _ in range(2):
        assert chooser.tune("k", Model(models_dir), is_small=False).for_lone_image is None


def test_of_two_that_are_as_good_the_one_that_answers_a_lone_request_sooner_is_taken(
    models_dir: Path,
) -> None:
    found = tuner(lambda threads, running, batch: 100 + running).tune(
        "k", Model(models_dir), is_small=False
    )
    assert (found.tuning.intra_op_threads, found.tuning.max_running) == (2, 1)
    assert found.classifier.session.intra_op_threads == 2
    assert found.for_lone_image is None


def test_a_fixed_number_of_threads_is_kept(models_dir: Path) -> None:
    model = Model(models_dir)
    found = tuner(lambda *_: 1.0, cores=8, intra_op_threads=2).tune("k", model, is_small=True)
    assert (model.opened, found.tuning.max_running) == ([2], 4)


@pytest.mark.parametrize(
    ("rates", "max_batch"),
    [
        ({1: 10, 2: 10, 4: 10.1, 8: 9.9}, 1),
        ({1: 10, 2: 20, 4: 39, 8: 40}, 4),
        ({1: 10, 2: 20, 4: 40, 8: 80}, 8),
        # Handing a batch over takes two milliseconds, a fifth of what an image takes here.
        ({1: 100, 2: 100, 4: 100, 8: 100}, 4),
    ],
    ids=[
        "batches gain nothing",
        "from four on nothing",
        "every size gains",
        "fewer are handed over",
    ],
)
def test_the_smallest_batch_that_is_as_good_as_any_is_taken(
    models_dir: Path, rates: dict[int, float], max_batch: int
) -> None:
    found = (
        tuner(lambda threads, running, batch: rates[batch], cores=1)
        .tune("k", Model(models_dir), is_small=False)
        .tuning
    )
    assert (found.max_batch, found.images_per_s) == (max_batch, rates[max_batch])


def test_a_new_version_of_a_kind_is_not_measured_again(models_dir: Path) -> None:
    model, chooser = Model(models_dir), tuner(lambda threads, running, batch: 100 * running)
    first = chooser.tune("k", model, is_small=False)
    model.opened.clear()
    second = chooser.tune("k", model, is_small=False)
    assert second.tuning == first.tuning
    assert model.opened == [second.classifier.session.intra_op_threads] == [1]


def test_without_time_nothing_is_measured(models_dir: Path) -> None:
    model = Model(models_dir)
    quiet = Tuner(cores=4, max_batch=8, intra_op_threads=0, budget_s=0)
    found = quiet.tune("k", model, is_small=False).tuning
    assert (model.opened, found.max_batch, found.images_per_s) == ([4], 8, None)


def test_a_slow_model_is_measured_no_further_than_its_time_goes(models_dir: Path) -> None:
    sizes: list[int] = []

    def crawl(classifier: Classifier, running: int, batch: int, seconds: float) -> float:
        sizes.append(batch)
        return 0.001

    slow = Tuner(cores=1, max_batch=64, intra_op_threads=1, budget_s=1, measure=crawl)
    found = slow.tune("k", Model(models_dir), is_small=False).tuning
    assert (sizes, found.max_batch) == ([1], 1)


def test_batches_are_compared_however_long_a_model_took_to_compile(
    models_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    now_s = [0.0]
    monkeypatch.setattr("service.engine.tuning.time.monotonic", lambda: now_s[0])

    def compile_first(_: Classifier, running: int, batch: int, seconds: float) -> float:
        now_s[0] += seconds if sizes else 10
        sizes.append(batch)
        return 1e6

    tuner = Tuner(cores=2, max_batch=8, intra_op_threads=0, budget_s=1, measure=compile_first)
    tuner.tune("k", Model(models_dir), is_small=False)
    assert sizes[-4:] == [1, 2, 4, 8]


def test_a_real_model_is_measured(models_dir: Path) -> None:
    classifier = Model(models_dir)(1)
    assert images_per_s(classifier, 2, 4, 0.0) > 0


@pytest.mark.parametrize(
    ("max_batch", "buckets"),
    [(1, [1]), (2, [1, 2]), (5, [1, 2, 4, 5]), (16, [1, 2, 4, 8, 16])],
)
def test_buckets_double_up_to_the_maximum(max_batch: int, buckets: list[int]) -> None:
    assert list(batch_buckets(max_batch)) == buckets
