"""Keeps images beside the requests: chosen on the event loop, written by a thread that nothing waits for.

What the thread cannot do in time, or the disk not at all, is dropped and counted. No request fails for it
or is late.
"""

import errno
import logging
import queue
import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from inference import ImageError, Prediction
from inference.errors import ImageTooLarge
from service.bodies.encoded_text import EncodedText
from service.bodies.uploads import Upload
from service.collect.keep_folder import KeepFolder
from service.collect.kept_records import KeptAnswer, LabelShare, now
from service.collect.stripping import (
    CannotStrip,
    StrippedImage,
    copy_pixels,
    strip_metadata,
)
from service.engine.background import yield_to_requests
from service.errors import RequestError
from service.keep_policy import KeepPolicy, Reason
from service.prediction.predictor import Outcome

logger = logging.getLogger(__name__)

# Called with what became of an image that was to be kept.
KeepObserver = Callable[[str], None]

_MAX_WAITING_IMAGES: Final = 64
_MAX_WAITING_BYTES: Final = 32 * 2**20
_TOP_LABELS: Final = 5
_OLD_ARE_REMOVED_EVERY_S: Final = 600.0
# What is still to be written when the service ends has so long.
_END_WITHIN_S: Final = 3.0
_SAY_AGAIN_AFTER_S: Final = 60.0
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@dataclass(frozen=True, slots=True, kw_only=True)
class AnsweredImages:
    """The images of one request with what was answered, by a version of a model."""

    model: str
    version: int
    request_id: str
    uploads: Sequence[Upload]
    outcomes: Sequence[Outcome]


@dataclass(frozen=True, slots=True, kw_only=True)
class _ToKeep:
    upload: Upload
    num_bytes: int
    answer: Callable[..., KeptAnswer]


class Collector:
    """See the module. `offer` and the rest are for the event loop's thread."""

    def __init__(
        self, policy: KeepPolicy, folder: KeepFolder, *, max_image_bytes: int, observe: KeepObserver
    ) -> None:
        self._policy = policy
        self._folder = folder
        self._max_image_bytes = max_image_bytes
        self._observe = observe
        self._queue: queue.SimpleQueue[_ToKeep | None] = queue.SimpleQueue()
        self._waiting_bytes = 0
        self._counting = threading.Lock()
        self._thread = threading.Thread(target=self._work, name="keep", daemon=True)
        self._said_at = -_SAY_AGAIN_AFTER_S
        self._old_removed_at = -_OLD_ARE_REMOVED_EVERY_S

    def start(self) -> None:
        """Begin to keep."""
        self._thread.start()

    def close(self) -> None:
        """Write what waits, as far as that is quickly done. Blocking."""
        self._queue.put(None)
        self._thread.join(_END_WITHIN_S)

    def offer(self, answered: AnsweredImages) -> None:
        """Choose what is kept of a request's images. Never fails, never waits."""
        time_now = ""
        for index, (upload, outcome) in enumerate(
            zip(answered.uploads, answered.outcomes, strict=True)
        ):
            if outcome.prediction is None:
                continue
            reasons = self._policy.reasons(outcome.prediction, random.random())
            if reasons:
                time_now = time_now or now()
                answer = _answer_maker(answered, index, time_now, outcome.prediction, reasons)
                self._put(upload, answer)

    def _put(self, upload: Upload, answer: Callable[..., KeptAnswer]) -> None:
        content = upload.content
        assert not isinstance(content, RequestError)  # it was answered
        num_bytes = len(content.text if isinstance(content, EncodedText) else content)
        with self._counting:
            full = (
                self._queue.qsize() >= _MAX_WAITING_IMAGES
                or self._waiting_bytes + num_bytes > _MAX_WAITING_BYTES
            )
            self._waiting_bytes += 0 if full else num_bytes
        if full:
            self._observe("dropped_queue_full")
            return
        if isinstance(content, EncodedText):  # it is a view of a body that may be much larger
            own = EncodedText(bytes(content.text), escaped=content.escaped)
            upload = Upload(filename=None, content=own)
        self._queue.put(_ToKeep(upload=upload, num_bytes=num_bytes, answer=answer))

    def _work(self) -> None:
        yield_to_requests()
        while True:
            self._remove_old()
            try:
                item = self._queue.get(timeout=_OLD_ARE_REMOVED_EVERY_S)
            except queue.Empty:
                continue
            if item is None:
                return
            self._observe(self._keep(item))
            with self._counting:
                self._waiting_bytes -= item.num_bytes

    def _keep(self, item: _ToKeep) -> str:
        """Keep one image; return what became of it."""
        try:
            image = _without_metadata(item.upload.image_bytes(self._max_image_bytes))
            stored = self._folder.store(image, item.answer)
        except ImageTooLarge:
            return "dropped_too_large"
        except (ImageError, RequestError):
            return "dropped_metadata"
        except OSError as err:
            self._say(err)
            return "dropped_disk_full" if err.errno in _FULL else "dropped_disk_error"
        # What goes wrong here is no request's, and the next image is to be kept all the same.
        except Exception:
            logger.exception("not_kept")
            return "dropped_error"
        return "dropped_too_large" if stored == "too_large" else stored

    def _remove_old(self) -> None:
        if time.monotonic() - self._old_removed_at < _OLD_ARE_REMOVED_EVERY_S:
            return
        self._old_removed_at = time.monotonic()
        try:
            self._folder.prepare()
            self._folder.remove_old()
        except OSError as err:
            self._say(err)

    def _say(self, err: OSError) -> None:
        """Log what is wrong with the disk, once in a while."""
        if time.monotonic() - self._said_at > _SAY_AGAIN_AFTER_S:
            self._said_at = time.monotonic()
            logger.error(
                "not_kept reason=%s; make room in GRAFT_KEEP_DIR or let the service write there",
                err.strerror or err,
            )


def _without_metadata(data: bytes) -> StrippedImage:
    try:
        return strip_metadata(data)
    except CannotStrip:
        return copy_pixels(data)


def _answer_maker(
    answered: AnsweredImages,
    index: int,
    time_now: str,
    prediction: Prediction,
    reasons: tuple[Reason, ...],
) -> Callable[..., KeptAnswer]:
    """Return what makes the record, given the name that the image will have."""
    top = prediction.top[:_TOP_LABELS]
    return partial(
        KeptAnswer,
        request_id=answered.request_id,
        index=index,
        time=time_now,
        model=answered.model,
        version=answered.version,
        label=prediction.label,
        probability=round(prediction.probability, 6),
        rejected=prediction.rejected,
        top=tuple(LabelShare(label=t.label, probability=round(t.probability, 6)) for t in top),
        reasons=reasons,
    )
