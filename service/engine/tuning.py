"""How a model runs best on this machine, measured for a moment when it is loaded. Blocking.

Whether one batch on all cores or a batch on each core is faster, and from which size on larger
batches gain nothing, depends on the model and on the machine. Guesses are wrong by a third.
"""

import time
from collections.abc import Callable, Hashable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np

from inference import Classifier

# A plan or batch size that is at least this share of the best, and answers sooner, is taken.
_AS_GOOD: Final = 0.95
# So many times as fast a batch on all cores must be to be taken for a small model: in service images
# are decoded on the same cores. Where both were as fast alone, a batch on each core answered 1.27 times
# as many images (EfficientNet-Lite0, two Zen 3 cores).
_CLEARLY_FASTER: Final = 1.25
# Plans are measured in turn, so often: a busy moment of the machine is not to decide between them.
_TURNS: Final = 2
# What a batch costs beside the model: changes of thread, the event loop's work for it, and that both find
# their code gone from the processor's caches. Measured alone, EfficientNet-Lite0 is about as fast with one
# image a batch as with four; in service a bf16 image took 11.3 ms of a core so, 10.5 with two, 9.8 with four.
_HANDOVER_S: Final = 2e-3
# Enough for the quickest of them to be one that nothing disturbed.
_MAX_ROUNDS: Final = 12
_CPU_PROBE_BATCH: Final = 4

OpenModel = Callable[[int], Classifier]
# From a model, batches at one time, images in each, and seconds to images/s.
Measure = Callable[[Classifier, int, int, float], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredWith:
    """How a rate was measured: batches of so many images, so many at one time, on so many threads each."""

    batch: int
    batches_at_once: int
    intra_op_threads: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuning:
    """How to run a model.

    Attributes:
        intra_op_threads: threads for one batch.
        max_running: batches at one time.
        max_batch: images in one batch; more gain nothing.
        decode_in_batch: where each core runs a batch of its own, the batch's thread decodes its images
            too: threads for that would only take turns with it, and each change of thread costs.
        images_per_s: what was measured; None where nothing was.
        measured_with: how; None where nothing was.
    """

    intra_op_threads: int
    max_running: int
    max_batch: int
    decode_in_batch: bool = False
    images_per_s: float | None = None
    measured_with: MeasuredWith | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedModel:
    """A model, opened as it runs best, and how that is.

    `for_lone_image` is the same model on all cores: one image alone is answered sooner so, many are
    not. None where it is no other than `classifier`.
    """

    classifier: Classifier
    tuning: Tuning
    for_lone_image: Classifier | None = None


@dataclass(frozen=True, slots=True)
class _Plan:
    intra_op_threads: int
    max_running: int


class Tuner:
    """Measures each kind of model once; a new version of the same kind takes over what was found."""

    def __init__(
        self,
        *,
        cores: int,
        max_batch: int,
        intra_op_threads: int,
        budget_s: float,
        decode_in_batch: bool = True,
        measure: Measure | None = None,
    ) -> None:
        """Store the bounds.

        Args:
            cores: to be used by all batches together.
            max_batch: the largest batch that may be chosen.
            intra_op_threads: for one batch; 0 has it measured.
            budget_s: about how long to measure a model; 0 not to.
            decode_in_batch: whether it may be.
            measure: `images_per_s` unless given.
        """
        self._cores = cores
        self._max_batch = max_batch
        self._intra_op_threads = intra_op_threads
        self._budget_s = budget_s
        self._decode_in_batch = decode_in_batch
        self._measure = measure or images_per_s
        self._known: dict[Hashable, Tuning] = {}

    def tune(self, kind: Hashable, open_model: OpenModel, *, is_small: bool) -> LoadedModel:
        """Return the model, opened as it runs best.

        Args:
            kind: equal for models that run alike, such as versions with one backbone.
            open_model: opens the model with so many threads for one batch.
            is_small: it may be in memory twice.

        Raises:
            SessionError: the model cannot be opened, or cannot be run.
        """
        known = self._known.get(kind)
        if known is not None and not is_small:
            return LoadedModel(classifier=open_model(known.intra_op_threads), tuning=known)
        widest = open_model(self._intra_op_threads or self._cores)
        if known is None:
            classifier, known = self._find(widest, open_model, is_small=is_small)
            if self._budget_s:
                self._known[kind] = known
        else:
            classifier = _opened(known.intra_op_threads, widest, open_model)
        is_other = classifier is not widest
        return LoadedModel(
            classifier=classifier,
            tuning=known,
            for_lone_image=widest if is_small and is_other else None,
        )

    def _find(
        self, widest: Classifier, open_model: OpenModel, *, is_small: bool
    ) -> tuple[Classifier, Tuning]:
        if self._budget_s == 0:
            threads = widest.session.intra_op_threads
            plan = _Plan(threads, max(1, self._cores // max(1, threads)))
            return widest, self._tuning(widest, plan, self._max_batch, None)
        classifier, plan = self._best_plan(widest, open_model, is_small=is_small)
        # From here on: OpenVINO compiles the model for its first batches, which takes longer than all of it.
        ends = time.monotonic() + self._budget_s / 2
        max_batch, rate = self._best_batch(classifier, plan, ends)
        return classifier, self._tuning(classifier, plan, max_batch, rate)

    def _tuning(
        self, classifier: Classifier, plan: _Plan, max_batch: int, images_per_s: float | None
    ) -> Tuning:
        on_cpu = not classifier.session.on_gpu
        decode_in_batch = self._decode_in_batch and on_cpu and plan.max_running >= self._cores
        measured_with = MeasuredWith(
            batch=max_batch,
            batches_at_once=plan.max_running,
            intra_op_threads=plan.intra_op_threads,
        )
        return Tuning(
            intra_op_threads=plan.intra_op_threads,
            max_running=plan.max_running + (_waiting(classifier) if decode_in_batch else 0),
            max_batch=max_batch,
            decode_in_batch=decode_in_batch,
            images_per_s=images_per_s,
            measured_with=None if images_per_s is None else measured_with,
        )

    def _best_plan(
        self, widest: Classifier, open_model: OpenModel, *, is_small: bool
    ) -> tuple[Classifier, _Plan]:
        """Compare the plans. One that comes later is taken where it is clearly faster.

        First is the one that answers a lone request soonest; of a small model, which has another
        session for that, the one whose batches leave each other alone.
        """
        on_gpu = widest.session.on_gpu
        batch = min(self._max_batch, self._max_batch if on_gpu else _CPU_PROBE_BATCH)
        plans = list(self._plans(widest, on_gpu=on_gpu))
        margin = 1 / _AS_GOOD
        if is_small and not on_gpu:
            plans.reverse()
            margin = _CLEARLY_FASTER
        if len(plans) == 1:
            return widest, plans[0]
        opened = [_opened(plan.intra_op_threads, widest, open_model) for plan in plans]
        slice_s = self._budget_s / 2 / len(plans) / _TURNS
        rates = [0.0] * len(plans)
        for index in [*range(len(plans))] * _TURNS:
            rate = self._measure(opened[index], plans[index].max_running, batch, slice_s)
            rates[index] = max(rates[index], rate)
        best = 0
        for index, rate in enumerate(rates):
            if rate > margin * rates[best]:
                best = index
        return opened[best], plans[best]

    def _plans(self, widest: Classifier, *, on_gpu: bool) -> Iterator[_Plan]:
        first = widest.session.intra_op_threads
        if on_gpu:
            # A second batch is copied while the first one runs.
            yield from (_Plan(first, 1), _Plan(first, 2))
            return
        threads = {first} if self._intra_op_threads else {1, max(1, self._cores // 4), first}
        for count in sorted(threads, reverse=True):
            yield _Plan(count, max(1, self._cores // count))

    def _best_batch(self, classifier: Classifier, plan: _Plan, ends: float) -> tuple[int, float]:
        """Return the smallest batch that is as good as the best, and its rate.

        What time is left decides how large ones are tried.
        """
        rates: dict[int, float] = {}
        sizes = list(batch_buckets(self._max_batch))
        for index, size in enumerate(sizes):
            left_s = ends - time.monotonic()
            if rates and left_s < _round_s(plan, size, rates):
                break
            slice_s = left_s / (len(sizes) - index)
            rates[size] = self._measure(classifier, plan.max_running, size, slice_s)
        served = {size: _served_rate(plan, size, rate) for size, rate in rates.items()}
        enough = max(served.values()) * _AS_GOOD
        size = next(size for size, rate in served.items() if rate >= enough)
        return size, rates[size]


def _waiting(classifier: Classifier) -> int:
    """Return how many batches more than cores keep those busy.

    One, for decoding waits for Python's lock now and then. OpenVINO runs a model in threads of its own: a
    batch's thread waits for one of them, and that for the thread's next piece, so there is one more (1.03
    times as many images/s of EfficientNet-Lite0 in bf16, two Zen 4 cores; ONNX Runtime answers fewer so).
    """
    return 2 if classifier.session.runtime == "openvino" else 1


def _opened(threads: int, widest: Classifier, open_model: OpenModel) -> Classifier:
    same = threads == widest.session.intra_op_threads
    return widest if same else open_model(threads)


def images_per_s(classifier: Classifier, running: int, batch: int, seconds: float) -> float:
    """Return the best rate seen: one round to warm up, then rounds for about so many seconds."""
    height, width = classifier.manifest.crop_hw
    pixels = np.full((batch, height, width, 3), 127, np.uint8)
    quickest = float("inf")
    with ThreadPoolExecutor(running) as pool:

        def round_s() -> float:
            started = time.perf_counter()
            for done in [pool.submit(classifier.run, pixels) for _ in range(running)]:
                done.result()
            return time.perf_counter() - started

        round_s()
        ends = time.monotonic() + seconds
        for _ in range(_MAX_ROUNDS):
            quickest = min(quickest, round_s())
            if time.monotonic() >= ends:
                break
    return running * batch / quickest


def batch_buckets(max_batch: int) -> Iterator[int]:
    """Yield 1, 2, 4, … and `max_batch` itself."""
    size = 1
    while size < max_batch:
        yield size
        size *= 2
    yield max_batch


def _served_rate(plan: _Plan, size: int, rate: float) -> float:
    """Return what is left of a measured rate when each batch is handed over."""
    images = plan.max_running * size
    return images / (images / rate + _HANDOVER_S)


def _round_s(plan: _Plan, size: int, rates: dict[int, float]) -> float:
    """Return how long the two rounds take at least that a measurement needs."""
    return 2 * plan.max_running * size / max(rates.values())
