"""What is made of a decoded image and kept: the model's input, and a larger one for training."""

from dataclasses import dataclass
from typing import Final

from inference.decoding import OWN_FILES_LIMITS, DecodedImage, DecodeLimits, decode_image
from inference.preprocessing import PreprocessSpec, preprocess, resize_for_training
from training.runtime.arrays import Pixels

# Part of every key, as is the decoder's number: raise it when resizing changes, and no stale pixel is read.
PIXELS_VERSION: Final = "1"


@dataclass(frozen=True, slots=True)
class Views:
    """The views that a run needs. Each is (H, W, 3) uint8 RGB.

    `evaluation` is exactly what the served model is fed. `training` is the whole image, its shorter
    side at the size from which random parts are taken, padded or squashed where that is the model's fit;
    only made where `for_training`. Images over `limits` are refused.
    """

    spec: PreprocessSpec
    for_training: bool
    limits: DecodeLimits = OWN_FILES_LIMITS

    @property
    def evaluation(self) -> str:
        """The name of the evaluation view."""
        height, width = self.spec.crop_hw
        size = f"{self.spec.resize_shorter_px}-{height}x{width}"
        return f"evaluation-{self._version}-{size}-{self.spec.interpolation}{self._fit}"

    @property
    def training(self) -> str:
        """The name of the training view."""
        size = str(self.spec.resize_shorter_px)
        if self.spec.fit != "crop":  # the input's own aspect ratio
            size += "-{}x{}".format(*self.spec.crop_hw)
        return f"training-{self._version}-{size}-{self.spec.interpolation}{self._fit}"

    @property
    def _version(self) -> str:
        return f"{PIXELS_VERSION}.{self.spec.decoder}"

    @property
    def _fit(self) -> str:
        if self.spec.fit == "crop":
            return ""
        colour = "-{}.{}.{}".format(*self.spec.pad_rgb) if self.spec.fit == "pad" else ""
        return f"-{self.spec.fit}{colour}"

    @property
    def names(self) -> list[str]:
        """The names of the views that are made."""
        return [self.evaluation, self.training] if self.for_training else [self.evaluation]

    def decode(self, data: bytes) -> DecodedImage:
        """Decode an image for these views.

        Raises:
            ImageError: as `decode_image`.
        """
        return decode_image(
            data,
            shorter_px=self.spec.resize_shorter_px,
            limits=self.limits,
            decoder=self.spec.decoder,
        )

    def make(self, decoded: DecodedImage) -> dict[str, Pixels]:
        """Return every view of a decoded image."""
        views = {self.evaluation: preprocess(decoded, self.spec)}
        if self.for_training:
            views[self.training] = resize_for_training(decoded, self.spec)
        return views
