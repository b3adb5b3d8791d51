"""Frames of a video at even distances, brought to the model's input as they are decoded.

PyAV is the optional extra `video` and imported only when a video is read.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from PIL import Image

from inference.bulk.items import Item, problem_item
from inference.decoding import OWN_FILES_LIMITS, DecodedImage
from inference.errors import UsageError
from inference.preprocessing import PreparedImage, PreprocessSpec, preprocess

_UNREADABLE: Final = "video is damaged or of a kind that FFmpeg does not read"


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameReader:
    """Takes the first frame of each `every_s` seconds of a video.

    Raises:
        UsageError: PyAV is not installed.
    """

    every_s: float
    spec: PreprocessSpec
    max_pixels: int = OWN_FILES_LIMITS.max_pixels

    def __post_init__(self) -> None:
        try:
            import av  # noqa: F401
        except ImportError as err:
            raise UsageError(
                "--video needs PyAV, which is not installed; pip install 'graft-classifier[video]'"
            ) from err

    def items(self, file: Path, name: str) -> Iterator[Item]:
        """Yield the frames, called NAME#t=SECONDS; what cannot be decoded is an item with the problem."""
        import av

        number = 0
        try:
            with file.open("rb") as stream, av.open(stream) as container:
                for item in self._frames(container, name):
                    number += 1
                    yield item
            if number == 0:
                yield problem_item(name, _UNREADABLE)
        except av.FFmpegError:
            yield problem_item(name, _UNREADABLE)
        except OSError as err:
            yield problem_item(name, f"cannot be read: {err.strerror}")

    def _frames(self, container: Any, name: str) -> Iterator[Item]:
        if not container.streams.video:
            yield problem_item(name, "has no video, only sound or text")
            return
        stream = container.streams.video[0]
        if stream.width * stream.height > self.max_pixels:
            yield problem_item(name, f"video of {stream.width}x{stream.height} px is too large")
            return
        stream.thread_type = "AUTO"
        next_s = 0.0
        for frame in container.decode(stream):
            # Without times of their own (raw streams) frames are counted as one after the other.
            at_s = max(float(frame.time or 0.0) - _start_s(stream), 0.0)
            if at_s + 1e-6 >= next_s:
                next_s = (at_s // self.every_s + 1) * self.every_s
                yield self._item(frame, f"{name}#t={at_s:.3f}")

    def _item(self, frame: Any, name: str) -> Item:
        image: Image.Image = frame.to_image()
        if frame.rotation:
            image = image.rotate(frame.rotation, expand=True)
        pixels = preprocess(DecodedImage(image=image, source_wh=image.size), self.spec)
        prepared = PreparedImage(pixels=pixels, source_wh=image.size)
        return Item(name=name, read=lambda: prepared)


def _start_s(stream: Any) -> float:
    return float((stream.start_time or 0) * stream.time_base)
