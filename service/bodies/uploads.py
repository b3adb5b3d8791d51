"""What a prediction's body comes down to, whichever form it had: images in order, and options."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from inference.decoding import over_byte_limit
from service.bodies.encoded_text import EncodedText
from service.errors import BodyTooLarge, RequestError, TooManyImages

# A name is given back with its image's answer, and never used.
MAX_FILENAME_CHARS: Final = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadLimits:
    """Bounds of one request."""

    max_image_bytes: int
    max_request_bytes: int
    max_images: int

    def check_count(self, num_images: int) -> None:
        """Refuse a request of too many images.

        Raises:
            TooManyImages: it has more than `max_images`.
        """
        if num_images > self.max_images:
            raise TooManyImages(
                f"more than {self.max_images} images in one request; send them in several"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """One image as it was sent: bytes, base64, or the error that stands in its place."""

    filename: str | None
    content: bytes | EncodedText | RequestError

    def image_bytes(self, max_bytes: int) -> bytes:
        """Return the encoded image. Base64 is decoded here: call it off the event loop.

        Raises:
            RequestError: the image is too large or not base64.
        """
        if isinstance(self.content, RequestError):
            raise self.content
        if isinstance(self.content, EncodedText):
            return self.content.decode(max_bytes)
        if len(self.content) > max_bytes:
            raise BodyTooLarge(over_byte_limit(max_bytes))
        return self.content


@dataclass(frozen=True, slots=True, kw_only=True)
class Uploads:
    """The images of a request, and the options that came in its body: by name, as they were sent."""

    images: list[Upload]
    options: Mapping[str, Any] = field(default_factory=dict)
