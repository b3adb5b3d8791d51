"""How long trying other precisions takes: by the run's own time for an image, and its numbers of images."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from inference.manifest import Precision
from inference.precision import why_not_bfloat16
from training.data.split import Dataset

# Opening files, and timing two of them in turn: a second and a half at each of two batch sizes.
_TIMING_S: Final = 4.0
# Validation images are answered by a draft and from raw bytes, test images by the file and from raw bytes.
_PASSES: Final = 2
# int8 is quantised in two ways; for their ranges some training images are looked at, which takes longer than
# answering them.
_QUANTISING_S: Final = 2.0
_MOST_RANGE_IMAGES: Final = 128
_RANGE_PASSES: Final = 3
# Where both ways lose accuracy, a head is fitted on features of the training images, as they are and flipped,
# and more drafts answer the validation images.
_REFIT_TRAIN_PASSES: Final = 2
_REFIT_VAL_PASSES: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class PrecisionCosts:
    """What trying a precision takes, where an image's features take `image_s`."""

    image_s: float
    dataset: Dataset

    def seconds(self, precision: Precision) -> float:
        """Return what trying one takes, and publishing it; nothing for what this machine cannot run."""
        if precision == "fp32" or (precision == "bf16" and why_not_bfloat16() is not None):
            return 0.0
        num_train, num_val, num_test = self._num_images()
        images, fixed_s = _PASSES * (num_val + num_test), _TIMING_S
        if precision == "int8":
            images += num_val + _RANGE_PASSES * min(num_train, _MOST_RANGE_IMAGES)
            fixed_s += _QUANTISING_S
        return fixed_s + images * self.image_s

    def total_s(self, precisions: Iterable[Precision]) -> float:
        """Return the seconds that several take."""
        return sum(map(self.seconds, precisions))

    @property
    def refit_s(self) -> float:
        """Seconds more where int8 loses accuracy at first."""
        num_train, num_val, _ = self._num_images()
        return self.image_s * (_REFIT_TRAIN_PASSES * num_train + _REFIT_VAL_PASSES * num_val)

    def _num_images(self) -> tuple[int, int, int]:
        splits = self.dataset.splits
        return len(splits["train"]), len(splits["val"]), len(splits["test"])
