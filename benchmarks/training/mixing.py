"""Fine-tuning with a regulariser that it does not have: smoothed labels, mixup or cutmix.

    python -m benchmarks.training.mixing cutmix DATA --name run

is `python -m training.finetune DATA --name run` but for the loss; `benchmarks.training.regularisers`
measures each of them.
"""

import sys
from typing import Final
from unittest.mock import patch

import torch
from torch import Tensor, nn

from training import finetune
from training.candidates import training_run as run
from training.finetuning.loop import Trainer

_SMOOTHING: Final = 0.1
_MIXUP_ALPHA: Final = 0.2
_CUTMIX_ALPHA: Final = 1.0
_CUTMIX_SHARE: Final = 0.5


class Plain(Trainer):
    """Trains as `Trainer` does; what the others change is `mix` and `smoothing`."""

    __slots__ = ()
    smoothing = 0.0

    def mix(self, images: Tensor) -> tuple[Tensor, Tensor, float]:
        """Return images made of two each, which the second ones are, (B,), and the share of the first."""
        return images, torch.arange(len(images)), 1.0

    def _loss(self, wrapped: nn.Module, images: Tensor, targets: Tensor) -> Tensor:
        assert self.settings.class_weights is None, "measured on classes of one size only"
        mixed, partners, share = self.mix(images.float())
        device = self.settings.device
        with torch.autocast(device.type, torch.bfloat16, enabled=self.settings.half_precision):
            logits = wrapped(mixed.to(device))
        losses = nn.CrossEntropyLoss(reduction="sum", label_smoothing=self.smoothing)
        of_first = losses(logits.float(), targets.to(device))
        of_second = losses(logits.float(), targets[partners].to(device))
        total: Tensor = share * of_first + (1 - share) * of_second
        return total


class Smoothing(Plain):
    """A tenth of each label is spread over all classes (Szegedy et al. 2016)."""

    __slots__ = ()
    smoothing = _SMOOTHING


class Mixup(Plain):
    """Each image is the weighted mean of two (Zhang et al. 2018)."""

    __slots__ = ()

    def mix(self, images: Tensor) -> tuple[Tensor, Tensor, float]:
        """Return the means, the second images' places, and the weight of the first."""
        partners, share = torch.randperm(len(images)), _drawn_share(_MIXUP_ALPHA)
        return share * images + (1 - share) * images[partners], partners, share


class Cutmix(Plain):
    """In every second step, a box of each image is of another one (Yun et al. 2019)."""

    __slots__ = ()

    def mix(self, images: Tensor) -> tuple[Tensor, Tensor, float]:
        """Return the composed images, the second images' places, and the area of the first."""
        if torch.rand(()) >= _CUTMIX_SHARE:
            return Plain.mix(self, images)
        partners = torch.randperm(len(images))
        height, width = images.shape[-2:]
        side = (1 - _drawn_share(_CUTMIX_ALPHA)) ** 0.5
        top, bottom = _span(height, side)
        left, right = _span(width, side)
        mixed = images.clone()
        mixed[..., top:bottom, left:right] = images[partners][..., top:bottom, left:right]
        return mixed, partners, 1 - (bottom - top) * (right - left) / (height * width)


def _drawn_share(alpha: float) -> float:
    return float(torch.distributions.Beta(alpha, alpha).sample())


def _span(length: int, share: float) -> tuple[int, int]:
    """Return where a random part begins and ends; its middle lies anywhere, its ends inside."""
    middle, half = float(torch.rand(())) * length, share * length / 2
    return max(0, round(middle - half)), min(length, round(middle + half))


VARIANTS: Final = {"plain": Plain, "smoothing": Smoothing, "mixup": Mixup, "cutmix": Cutmix}


def main(argv: list[str]) -> int:
    """Run the command line of `training.finetune` with the variant that comes first."""
    with patch.object(run, "Trainer", VARIANTS[argv[0]]):
        return finetune.main(argv[1:])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
