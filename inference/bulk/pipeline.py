"""Items to rows, in order: a thread a core reads, decodes and runs a batch, while the next ones wait.

Each thread does all of its batch, the model on one core: nothing is handed over, and no core waits for
another. Batches are the same consecutive items each time, for a model's last digits depend on them.
"""

from collections import deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Final

from inference.bulk.items import Item
from inference.classifier import Classifier, Prediction
from inference.decoding import OWN_FILES_LIMITS, DecodeLimits
from inference.errors import ImageError, SessionError
from inference.preprocessing import PreparedImage

# Batches under way for each thread: one in work, one ready, one of patience with a slow image.
_AHEAD: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """An item's prediction, or the problem that stands in its place."""

    item: Item
    prediction: Prediction | None = None
    problem: str | None = None


def answer_items(
    classifier: Classifier,
    items: Iterator[Item],
    *,
    batch: int,
    workers: int,
    top_k: int,
    limits: DecodeLimits = OWN_FILES_LIMITS,
) -> Generator[list[Row]]:
    """Yield the rows of each `batch` items, in order; at most a few batches a worker are held.

    Ended early, it waits for the batches in work and no others.
    """
    waiting: deque[Future[list[Row]]] = deque()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="bulk")
    try:
        while True:
            while len(waiting) < _AHEAD * workers and (chunk := list(islice(items, batch))):
                answer = partial(answer_batch, top_k=top_k, limits=limits)
                waiting.append(pool.submit(answer, classifier, chunk))
            if not waiting:
                return
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def answer_batch(
    classifier: Classifier,
    items: Sequence[Item],
    *,
    top_k: int,
    limits: DecodeLimits = OWN_FILES_LIMITS,
) -> list[Row]:
    """Answer a few items as one batch of the model; what fails carries its problem. Blocking."""
    prepared = [_prepare(classifier, item, limits) for item in items]
    sound = [image for image in prepared if isinstance(image, PreparedImage)]
    answers = iter(_predict(classifier, sound, top_k=top_k))
    return [
        _row(item, next(answers) if isinstance(image, PreparedImage) else image)
        for item, image in zip(items, prepared, strict=True)
    ]


def _row(item: Item, answer: Prediction | str) -> Row:
    if isinstance(answer, str):
        return Row(item=item, problem=answer)
    return Row(item=item, prediction=answer)


def _prepare(classifier: Classifier, item: Item, limits: DecodeLimits) -> PreparedImage | str:
    try:
        content = item.read()
        return classifier.prepare(content, limits=limits) if isinstance(content, bytes) else content
    except ImageError as err:
        return str(err)
    except OSError as err:
        return f"cannot be read: {err.strerror}"
    except ValueError:  # a zero byte, which a list may hold
        return "cannot be read: no such path is possible"


def _predict(
    classifier: Classifier, images: Sequence[PreparedImage], *, top_k: int
) -> list[Prediction | str]:
    if not images:
        return []
    try:
        outputs = classifier.run([image.pixels for image in images])
    except SessionError as err:
        if len(images) == 1:
            return [str(err)]
        # One image that the model fails on costs its neighbours nothing.
        return [_predict(classifier, [image], top_k=top_k)[0] for image in images]
    return [*classifier.interpret(outputs, top_k=top_k)]
