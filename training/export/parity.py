"""Checks between the network that was trained and the file that is served. They fail closed.

Two ways a served model differs from the measured one: the graph computes something else (parity of
PyTorch and ONNX Runtime), or it is fed something else (parity of raw bytes).
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import numpy as np

from inference.classifier import BatchOutputs, Classifier
from inference.cores import usable_cores
from inference.decoding.limits import MAX_PIXELS, limits_for
from inference.errors import ImageError
from inference.image_file import read_image_file
from inference.manifest import Parity
from inference.rejection import FAMILIARITY
from inference.session import ModelSession
from training.data.scan import PixelRows, ScannedImage
from training.errors import GateFailed
from training.ood.score import OodScore
from training.runtime.arrays import Flags, Floats, Integers, Pixels

# Activations of 32 held 0.3 GB more in PyTorch, and took no less time an image.
BATCH: Final = 16
# Largest |logit difference|, relative to the largest logit where that is above 1.
LOGIT_TOLERANCE: Final = 1e-3
# The scan held these images against the run's limits; here their content is what it was then.
_WIDEST: Final = limits_for(max_bytes=2**30, max_pixels=MAX_PIXELS)
_BATCH_SIZES: Final = (1, 2, 7)


def run_batches(
    session: ModelSession,
    pixels: PixelRows,
    rows: Integers,
    *,
    advance: Callable[[int], None] = lambda _: None,
) -> BatchOutputs:
    """Run the exported file on some rows of `pixels`; maps are left out."""
    parts = []
    for start in range(0, len(rows), BATCH):
        chosen = rows[start : start + BATCH]
        parts.append(_run(session, pixels[chosen]))
        advance(len(chosen))
    scores = [part.familiarity for part in parts if part.familiarity is not None]
    return BatchOutputs(
        logits=np.concatenate([part.logits for part in parts]),
        probabilities=np.concatenate([part.probabilities for part in parts]),
        embedding=np.concatenate([part.embedding for part in parts]),
        familiarity=np.concatenate(scores) if scores else None,
    )


def compare_answers(
    expected: Iterable[tuple[Pixels, BatchOutputs]],
    session: ModelSession,
    *,
    ood_score: OodScore | None = None,
    advance: Callable[[int], None] = lambda _: None,
) -> Parity:
    """Compare the exported file with what PyTorch answers, batch by batch: images and answers.

    Raises:
        GateFailed: a logit differs by more than the tolerance, an answer by its class, an activation
            map or an OOD score by its values, or the batch size changes the result.
    """
    worst, agreed, images = 0.0, 0, 0
    first: Pixels | None = None
    for batch, by_pytorch in expected:
        first = batch if first is None else first
        got = _run(session, batch, activation_map=by_pytorch.activation_map is not None)
        difference, same = _compare_batch(by_pytorch, got, ood_score)
        worst, agreed, images = max(worst, difference), agreed + same, images + len(batch)
        advance(len(batch))
    if agreed != images:
        raise GateFailed(
            f"parity gate: PyTorch and the exported file answer {images - agreed} of {images} "
            "images with different classes; nothing was published"
        )
    assert first is not None
    _check_batch_sizes(session, first[: max(_BATCH_SIZES)])
    return Parity(max_abs_logit_diff=worst, argmax_agreement=agreed / images, images=images)


def _compare_batch(
    expected: BatchOutputs, got: BatchOutputs, ood_score: OodScore | None
) -> tuple[float, int]:
    """Return the largest difference of a logit, and how many images get the same class."""
    limit = _limit(expected.logits)
    worst = _difference("logits", expected.logits, got.logits, limit)
    _difference("probabilities", expected.probabilities, got.probabilities, LOGIT_TOLERANCE)
    _difference("embedding", expected.embedding, got.embedding, _limit(expected.embedding))
    if ood_score is not None:
        _check_ood_score(ood_score, expected, got, limit)
    same = expected.logits.argmax(axis=1) == got.logits.argmax(axis=1)
    if expected.activation_map is not None and got.activation_map is not None:
        # A tie may fall to another class, which has another map.
        maps = expected.activation_map[same], got.activation_map[same]
        _difference("activation map", *maps, _limit(maps[0]))
    return worst, int((same | _tied(expected.logits, limit)).sum())


def _check_ood_score(
    ood_score: OodScore, expected: BatchOutputs, got: BatchOutputs, logit_limit: float
) -> None:
    """Hold the graph's score against the one that the threshold was chosen by."""
    if got.familiarity is None:
        raise GateFailed(
            "parity gate: the exported file lacks the output familiarity; nothing was published"
        )
    scores = ood_score.score(expected.logits, expected.embedding)
    # In standard deviations: the smaller those are, the more a difference counts.
    logit_part = logit_limit / ood_score.max_logit.deviation
    cosine_part = LOGIT_TOLERANCE / ood_score.prototype_cosine.deviation
    _difference("familiarity", scores, got.familiarity, logit_part + cosine_part)


def check_raw_bytes(
    classifier: Classifier,
    images: Sequence[ScannedImage],
    pixels: PixelRows,
    measured: Floats,
    *,
    advance: Callable[[int], None] = lambda _: None,
) -> tuple[ScannedImage, ...]:
    """Send the files' own bytes through the published file, as the service does.

    Args:
        classifier: the package as it will be published, read back from the disk.
        images: the files.
        pixels: what was measured on.
        measured: the probabilities measured for `images`, (M, K), in the same order.
        advance: called with the number of images done since the last call.

    Returns:
        The images whose file has gone or changed since it was read: fewer than half.

    Raises:
        GateFailed: a pixel differs, or a probability by more than the tolerance, or too few files are
            still there to tell.
    """
    changed: list[ScannedImage] = []

    def prepared_again(image: ScannedImage) -> Pixels | None:
        data = read_again(image)
        return None if data is None else _prepare_again(classifier, image, data, pixels[image.row])

    with ThreadPoolExecutor(usable_cores(), thread_name_prefix="decode") as pool:
        for start in range(0, len(images), BATCH):
            chunk = images[start : start + BATCH]
            served = list(pool.map(prepared_again, chunk))
            changed += [image for image, found in zip(chunk, served, strict=True) if found is None]
            kept = [index for index, found in enumerate(served) if found is not None]
            if kept:
                got = classifier.run([found for found in served if found is not None]).probabilities
                expected = measured[start : start + BATCH][kept]
                _difference("probabilities from raw bytes", expected, got, LOGIT_TOLERANCE)
            advance(len(chunk))
    if 2 * len(changed) > len(images):
        raise GateFailed(
            f"raw bytes gate: {len(changed)} of {len(images)} images have gone or changed since they were "
            f"read, the first is {changed[0].file.path.name!r}; put them back and give the same command "
            "again. Nothing was published"
        )
    return tuple(changed)


def read_again(image: ScannedImage) -> bytes | None:
    """Return the bytes of a file that was read before; None where it has gone or changed since."""
    try:
        data = read_image_file(image.file.path, max_bytes=_WIDEST.max_bytes)
    except (OSError, ImageError):
        return None
    return data if hashlib.sha256(data).hexdigest() == image.sha256 else None


def _prepare_again(
    classifier: Classifier, image: ScannedImage, data: bytes, measured: Pixels
) -> Pixels:
    try:
        served = classifier.prepare(data, limits=_WIDEST).pixels
    except ImageError as err:
        raise GateFailed(f"raw bytes gate: {image.file.path.name!r} is refused: {err}") from err
    if not np.array_equal(served, measured):
        raise GateFailed(
            f"raw bytes gate: {image.file.path.name!r} gives other pixels than were measured; "
            "nothing was published"
        )
    return served


def is_near(expected: Floats, got: Floats) -> bool:
    """Whether values are as near to each other as the gates ask for."""
    return bool(np.abs(expected - got).max(initial=0.0) <= _limit(expected))


def _limit(expected: Floats) -> float:
    return LOGIT_TOLERANCE * max(1.0, float(np.abs(expected).max(initial=0.0)))


def _tied(logits: Floats, limit: float) -> Flags:
    """Which rows have their two best classes closer than the tolerance: either is right."""
    best = np.sort(logits, axis=1)[:, -2:]
    tied: Flags = best[:, 1] - best[:, 0] <= limit
    return tied


def _difference(
    what: str,
    expected: Floats,
    got: Floats,
    limit: float,
) -> float:
    if expected.shape != got.shape:
        raise GateFailed(
            f"parity gate: {what} has shape {got.shape} in the exported file, {expected.shape} in "
            "PyTorch; nothing was published"
        )
    difference = float(np.abs(expected - got).max(initial=0.0))
    if not difference <= limit:  # NaN fails too
        raise GateFailed(
            f"parity gate: {what} of PyTorch and of the exported file differ by {difference:.2g}, limit "
            f"is {limit:.2g}; nothing was published"
        )
    return difference


def _run(session: ModelSession, pixels: Pixels, *, activation_map: bool = False) -> BatchOutputs:
    names = ["logits", "probabilities", "embedding"] + ["activation_map"] * activation_map
    names += [FAMILIARITY] * (FAMILIARITY in session.output_names)
    return BatchOutputs(**session.run(np.ascontiguousarray(pixels), names))


def _check_batch_sizes(session: ModelSession, pixels: Pixels) -> None:
    together = _run(session, pixels).logits
    limit = _limit(together)
    for size in _BATCH_SIZES:
        alone = _run(session, pixels[:size]).logits
        _difference(f"logits at batch {min(size, len(pixels))}", together[:size], alone, limit)
