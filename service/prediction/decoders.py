"""Who decodes an image: the thread that runs the model, or a process apart where it costs much."""

import asyncio
import dataclasses
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from inference import DecodeLimits, PreparedImage, PreprocessSpec, prepare_image
from inference.decoding import read_header
from inference.separate_decoding import SeparateDecoder
from service.bodies.uploads import Upload
from service.prediction.decoding_budget import DecodingBudget

# What an image may take in a thread. Most photos take some 0.05 s and 5 MB there, those of 50 million
# pixels 0.3 s; more is for the process, one image at a time, so that others' keep their threads.
_IN_THREAD_S: Final = 0.35
_IN_THREAD_BYTES: Final = 110 * 10**6
# Of one request, for one of its images.
_BUDGET_PER_IMAGE: Final = 1.25


class Decoders:
    """Decodes uploads within `limits`. Make and close it in the event loop."""

    def __init__(self, limits: DecodeLimits) -> None:
        self._limits = limits
        self._in_thread = dataclasses.replace(
            limits,
            max_seconds=min(_IN_THREAD_S, limits.max_seconds),
            max_memory_bytes=min(_IN_THREAD_BYTES, limits.max_memory_bytes),
        )
        self._separate = SeparateDecoder()
        self._queue = ThreadPoolExecutor(1, thread_name_prefix="decode-apart")

    def close(self) -> None:
        """End the process, and give the thread back."""
        self._queue.shutdown(wait=False, cancel_futures=True)
        self._separate.close()

    def budget(self) -> DecodingBudget:
        """Return what all images of a request may take together."""
        return DecodingBudget(self._limits.max_seconds * _BUDGET_PER_IMAGE)

    def prepare_here(
        self, upload: Upload, spec: PreprocessSpec, budget: DecodingBudget | None
    ) -> PreparedImage:
        """Decode in the calling thread.

        Raises:
            ImageTooCostly: that takes more than it may here; `prepare_apart` may do it.
            ImageError, RequestError: the image cannot be decoded, or its request has spent its budget.
        """
        data = upload.image_bytes(self._limits.max_bytes)
        if budget is None:
            return prepare_image(data, spec, limits=self._in_thread)
        with budget.spend(_expected_s(data, spec, self._in_thread)) as spending:
            started = time.thread_time()
            try:
                return prepare_image(data, spec, limits=self._in_thread)
            finally:
                spending.seconds = time.thread_time() - started

    async def prepare_apart(
        self, upload: Upload, spec: PreprocessSpec, budget: DecodingBudget | None
    ) -> PreparedImage:
        """Decode in the process, when it has done with those before.

        Raises:
            ImageError, RequestError: the image cannot be decoded, or its request has spent its budget.
        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._queue, self._prepare_apart, upload, spec, budget)

    def _prepare_apart(
        self, upload: Upload, spec: PreprocessSpec, budget: DecodingBudget | None
    ) -> PreparedImage:
        data = upload.image_bytes(self._limits.max_bytes)
        if budget is None:
            return self._separate.prepare(data, spec, limits=self._limits)[0]
        with budget.spend(_expected_s(data, spec, self._limits)) as spending:
            # What ends without an answer has taken all that it might.
            spending.seconds = self._limits.max_seconds
            image, spending.seconds = self._separate.prepare(data, spec, limits=self._limits)
            return image


def _expected_s(data: bytes, spec: PreprocessSpec, limits: DecodeLimits) -> float:
    """Return the seconds that decoding takes by the header; 0 for what will be refused by it."""
    header = read_header(data, shorter_px=spec.resize_shorter_px)
    return header.seconds if header is not None and header.seconds <= limits.max_seconds else 0.0
