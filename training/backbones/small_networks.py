"""Two small networks for training from random weights on small images, 28 to 64 px a side."""

from typing import Final

import torch
from torch import Tensor, nn

# ITU-R BT.601, the grey of Pillow and of JPEG.
_LUMA: Final = (0.299, 0.587, 0.114)
_LENET_FIELD_PX: Final = 32


class LeNet5(nn.Module):
    """Images (N, 3, S, S) -> (N, 84).

    LeCun et al. 1998, "Gradient-based learning applied to document recognition", as taught today: ReLU
    and max pooling for the scaled tanh and the trained sub-sampling, every map of C3 sees all of S2, and
    a linear layer for the radial basis functions (the head, which is not part of it). Colours are turned
    to grey first; a side below the 32 px of the paper gets a margin.
    """

    luma: Tensor

    def __init__(self, side_px: int) -> None:
        super().__init__()
        margin_px = max(0, -(-(_LENET_FIELD_PX - side_px) // 2))
        pooled_px = ((side_px + 2 * margin_px - 4) // 2 - 4) // 2
        self.register_buffer("luma", torch.tensor(_LUMA).view(1, 3, 1, 1), persistent=False)
        self.c1 = nn.Sequential(nn.Conv2d(1, 6, 5, padding=margin_px), nn.ReLU(), nn.MaxPool2d(2))
        self.c3 = nn.Sequential(nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2))
        self.c5 = nn.Sequential(nn.Flatten(), nn.Linear(16 * pooled_px**2, 120), nn.ReLU())
        self.f6 = nn.Sequential(nn.Linear(120, 84), nn.ReLU())

    def forward(self, images: Tensor) -> Tensor:
        """Return the output of F6."""
        grey = (images * self.luma).sum(dim=1, keepdim=True)
        embedding: Tensor = self.f6(self.c5(self.c3(self.c1(grey))))
        return embedding


class SmallCnn(nn.Module):
    """Images (N, 3, S, S) -> (N, 256): six convolutions in the way of VGG, 1.1 million weights.

    Pairs of 3x3 convolutions with pooling between them (Simonyan and Zisserman 2014), batch
    normalisation (Ioffe and Szegedy 2015), global average pooling for the dense layers (Lin et al. 2013).
    """

    def __init__(self, side_px: int) -> None:
        super().__init__()
        del side_px  # any will do
        self.stage1 = nn.Sequential(*_convolution(3, 64), *_convolution(64, 64))
        self.stage2 = nn.Sequential(
            nn.MaxPool2d(2), *_convolution(64, 128), *_convolution(128, 128)
        )
        self.stage3 = nn.Sequential(
            nn.MaxPool2d(2), *_convolution(128, 256), *_convolution(256, 256)
        )
        self.pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())

    def forward(self, images: Tensor) -> Tensor:
        """Return the features' mean over the image."""
        embedding: Tensor = self.pool(self.stage3(self.stage2(self.stage1(images))))
        return embedding


def _convolution(channels_in: int, channels_out: int) -> list[nn.Module]:
    return [
        nn.Conv2d(channels_in, channels_out, 3, padding=1, bias=False),
        nn.BatchNorm2d(channels_out),
        nn.ReLU(),
    ]


OWN_NETWORKS: Final = {"lenet5": LeNet5, "small_cnn": SmallCnn}
OWN_SIDE_PX: Final = 32
