"""Answers of images that come again: kept within a bound of bytes, and made once for all who wait for them.

An answer is of one load of one version: `ServedModel.load_id` differs for every load, so that neither
another version, precision or runtime nor other bytes under the same number are answered from it. Problems
are not kept, for some depend on how busy the machine is; those who wait for an image that cannot be read
share its problem.
"""

import asyncio
import dataclasses
import hashlib
import sys
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from inference import ImageError, Prediction, SessionError
from service.bodies.encoded_text import EncodedText
from service.bodies.uploads import Upload
from service.engine.served_model import ServedModel
from service.errors import ModelMisbehaved, RequestError
from service.limits.throughput import Clock
from service.prediction.predictor import Lookup, Outcome, PredictOptions

Compute = Callable[[], Awaitable[Outcome]]

# Hashing more would hold up the event loop.
_INLINE_BYTES: Final = 256 * 2**10
# What depends on the image and the model alone.
_SAME_FOR_ALL: Final = (ImageError, SessionError, ModelMisbehaved)
_NOTHING: Final = np.empty(0, np.float32)
# Of a dictionary's entry: its place in the table and in the order, at the table's fullest and emptiest.
_ENTRY_BYTES: Final = 250


class AnswerKey(NamedTuple):
    """What an answer depends on."""

    load_id: int
    options: PredictOptions
    digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    prediction: Prediction
    crop_box: tuple[float, float, float, float] | None
    made_at: float
    num_bytes: int


class AnswerCache:
    """See the module. Belongs to one event loop.

    Attributes:
        num_bytes: of what is kept; never over `max_bytes`.
    """

    def __init__(
        self,
        *,
        max_bytes: int,
        observe: Callable[[Lookup], None],
        clock: Clock = time.monotonic,
    ) -> None:
        self._max_bytes = max_bytes
        self._observe = observe
        self._clock = clock
        self._kept: OrderedDict[AnswerKey, _Kept] = OrderedDict()
        self._being_made: dict[AnswerKey, asyncio.Future[Outcome | None]] = {}
        self.num_bytes = 0

    def __len__(self) -> int:
        return len(self._kept)

    async def ask(
        self, model: ServedModel, uploads: Sequence[Upload], options: PredictOptions
    ) -> "Asked":
        """Look for the answers of a request's images."""
        keys = [await _key(model, upload, options) for upload in uploads]
        return Asked(self, uploads, keys)

    def find(self, key: AnswerKey, filename: str | None) -> Outcome | None:
        """Return the answer that is kept, if there is one."""
        kept = self._kept.get(key)
        if kept is None:
            return None
        self._kept.move_to_end(key)
        self._observe("hit")
        return Outcome(
            filename=filename,
            prediction=kept.prediction,
            crop_box=kept.crop_box,
            lookup="hit",
            age_s=self._clock() - kept.made_at,
        )

    async def answer(self, key: AnswerKey, filename: str | None, compute: Compute) -> Outcome:
        """Return the answer that is kept or is being made; else make it.

        Where whoever makes it has to give up, the next one who waits does it.
        """
        while (being_made := self._being_made.get(key)) is not None:
            shared = await asyncio.shield(being_made)
            if shared is not None:
                self._observe("collapsed")
                return dataclasses.replace(shared, filename=filename, lookup="collapsed")
        if (found := self.find(key, filename)) is not None:
            return found
        self._observe("miss")
        self._being_made[key] = asyncio.get_running_loop().create_future()
        for_others = None
        try:
            outcome = await compute()
            if outcome.error is None or isinstance(outcome.error, _SAME_FOR_ALL):
                for_others = outcome
                self._keep(key, outcome)
            return outcome
        finally:
            self._being_made.pop(key).set_result(for_others)

    def forget(self, load_id: int) -> None:
        """Drop the answers of a model that has been given up."""
        for key in [key for key in self._kept if key.load_id == load_id]:
            self.num_bytes -= self._kept.pop(key).num_bytes

    def _keep(self, key: AnswerKey, outcome: Outcome) -> None:
        if outcome.prediction is None:
            return
        prediction = _own(outcome.prediction, key.options)
        num_bytes = _num_bytes(key, prediction)
        if num_bytes > self._max_bytes:
            return
        self._kept[key] = _Kept(
            prediction=prediction,
            crop_box=outcome.crop_box,
            made_at=self._clock(),
            num_bytes=num_bytes,
        )
        self.num_bytes += num_bytes
        while self.num_bytes > self._max_bytes:
            _, oldest = self._kept.popitem(last=False)
            self.num_bytes -= oldest.num_bytes


class Asked:
    """One request's images, with the answers of those that are known."""

    def __init__(
        self, cache: AnswerCache, uploads: Sequence[Upload], keys: Sequence[AnswerKey | None]
    ) -> None:
        self._cache = cache
        self._uploads = uploads
        self._keys = keys
        self._known = [
            None if key is None else cache.find(key, upload.filename)
            for key, upload in zip(keys, uploads, strict=True)
        ]

    @property
    def num_known(self) -> int:
        """How many of the images need no model."""
        return sum(outcome is not None for outcome in self._known)

    async def answer(self, index: int, compute: Compute) -> Outcome:
        """Return the answer of an image, made by `compute` where there is none."""
        known, key = self._known[index], self._keys[index]
        if known is not None:
            return known
        if key is None:
            return await compute()
        return await self._cache.answer(key, self._uploads[index].filename, compute)


async def _key(model: ServedModel, upload: Upload, options: PredictOptions) -> AnswerKey | None:
    """Return the key of an image; None for what stands in the place of one.

    base64 is not decoded for it: one image as bytes and as text has two keys.
    """
    content = upload.content
    if isinstance(content, RequestError):
        return None
    if isinstance(content, EncodedText):
        form, data = b"escaped" if content.escaped else b"base64", content.text
    else:
        form, data = b"bytes", content
    hashed = hashlib.sha256(form)
    if len(data) > _INLINE_BYTES:
        await asyncio.to_thread(hashed.update, data)
    else:
        hashed.update(data)
    return AnswerKey(model.load_id, options, hashed.digest())


def _own(prediction: Prediction, options: PredictOptions) -> Prediction:
    """Return a prediction without what was not asked for, and with arrays that are no view of a batch's."""
    found = prediction.activation_map
    return dataclasses.replace(
        prediction,
        embedding=prediction.embedding.copy() if options.embedding else _NOTHING,
        activation_map=found.copy() if options.activation_map and found is not None else None,
    )


def _num_bytes(key: AnswerKey, prediction: Prediction) -> int:
    """Return what an entry takes. Labels are not counted: they are the model's own."""
    size = sys.getsizeof
    ranked = (*prediction.top, *(prediction.label_set or ()))
    shares = sum(size(share) + size(share.probability) for share in ranked)
    tuples = (key, prediction.top, prediction.label_set, prediction.notes, (0.0,) * 4)
    texts = (key.digest, prediction.rejected_reason, *prediction.notes)
    arrays = (prediction.embedding, prediction.activation_map)
    objects = (prediction, key.options, prediction.probability, *(1.0,) * 5)
    own = sum(map(size, (*tuples, *texts, *arrays, *objects)))
    return _ENTRY_BYTES + shares + own
