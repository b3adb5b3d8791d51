"""The last stages of a network alone, trained on cached activations of the frozen part before them.

The frozen part answers each training image a few times, changed at random; the steps that follow cost
what the last stages cost. For a budget on a CPU in which the whole network would take few steps.
"""

import copy
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn

from inference.preprocessing import PreprocessSpec
from inference.session import ModelSession, SessionConfig, open_session
from training.augmentation.batches import Batch, CachedImages, TrainingImages
from training.backbones.split_points import SplitPoint, split_trunk
from training.export.trace import export_graph
from training.finetuning.validation import ValidationImages
from training.networks.transfer_network import TransferNetwork
from training.runtime.arrays import HalfFloats, Pixels

_BATCH: Final = 32
_ACTIVATIONS: Final = "activations"


class LastStagesNetwork(TransferNetwork):
    """What comes behind a cut, and the head: activations (N, D, h, w) to logits (N, K).

    Its parameters are the network's own, under the same names.
    """

    def __init__(self, network: TransferNetwork, cut: SplitPoint) -> None:
        nn.Module.__init__(self)
        self.trunk, self.head, self.map_layer = cut.back, network.head, None

    def normalise(self, images: Tensor) -> Tensor:
        """Return the activations as float32: the frozen stages have normalised what it was made of."""
        return images.float()


class FrozenStagesGraph(nn.Module):
    """What is traced for export: uint8 images (N, H, W, 3) to the activations (N, h, w, D) at a cut."""

    def __init__(self, network: TransferNetwork, cut: SplitPoint) -> None:
        super().__init__()
        self.network, self.layers = network, cut.front

    def forward(self, image: Tensor) -> Tensor:
        """Return the activations."""
        found: Tensor = self.layers(self.network.normalise(image.permute(0, 3, 1, 2)))
        return found.permute(0, 2, 3, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitNetwork:
    """A network cut in two: `last_stages(frozen_stages(x))` is `network(x)`.

    The frozen stages are run by ONNX Runtime, several times as fast on a CPU as PyTorch. `shape_hwd`: the
    activations of one image between the two.
    """

    frozen_stages: ModelSession
    last_stages: LastStagesNetwork
    shape_hwd: tuple[int, int, int]

    def activations(self, images: Pixels) -> HalfFloats:
        """Return (N, h, w, D) for images (N, H, W, 3) RGB.

        In half the memory of float32, and far finer than what the network tells apart.
        """
        found = self.frozen_stages.run(np.ascontiguousarray(images), [_ACTIVATIONS])[_ACTIVATIONS]
        return found.astype(np.float16)


def split_network(network: TransferNetwork, cut: SplitPoint, spec: PreprocessSpec) -> SplitNetwork:
    """Return both halves of a network, of whose trunk `cut` is. They share its weights.

    Raises:
        GateFailed: the front cannot be exported.
    """
    frozen = export_graph(FrozenStagesGraph(network.eval(), cut), spec, [_ACTIVATIONS])
    return SplitNetwork(
        frozen_stages=open_session(frozen.SerializeToString(), SessionConfig(provider="cpu")),
        last_stages=LastStagesNetwork(network, cut),
        shape_hwd=shape_hwd(cut),
    )


def shape_hwd(cut: SplitPoint) -> tuple[int, int, int]:
    """Return the height, width and depth of an image's activations at a cut."""
    depth, height, width = cut.shape
    return height, width, depth


def find_cuts(network: TransferNetwork, side_hw: tuple[int, int]) -> list[SplitPoint]:
    """Return where a network can be cut, from input to output, between maps (D, h, w)."""
    noise = torch.randint(0, 256, (2, 3, *side_hw), generator=torch.Generator().manual_seed(0))
    example = network.normalise(noise)
    return [cut for cut in split_trunk(network.trunk, example) if len(cut.shape) == 3]


@dataclass(frozen=True, slots=True, kw_only=True)
class CachedActivations(CachedImages):
    """The training split as the last stages see it, in the order of `images`.

    `views[v, i]` are the activations of image i, changed at random for the v-th time; the epochs
    take the views in turn.
    """

    views: HalfFloats

    def stream(
        self, first_step: int, side_hw_at: Callable[[int], tuple[int, int]]
    ) -> Generator[Batch]:
        """Yield the batches of `first_step` and of all that follow; their size is that of the views."""
        step = first_step
        while True:
            chosen, places = self.images.members(step)
            of_views = places // self.num_images % len(self.views)
            kept = self.views[self.images.mine(of_views), self.images.mine(chosen)]
            yield self.images.batch_of(torch.from_numpy(kept).permute(0, 3, 1, 2), chosen)
            step += 1


def cache_activations(
    split: SplitNetwork,
    images: TrainingImages,
    *,
    num_views: int,
    side_hw: tuple[int, int],
    advance: Callable[[int], None] = lambda _: None,
) -> CachedActivations:
    """Answer each training image `num_views` times: what the first epochs of a run would see.

    `advance` is called with the number done since.
    """
    total = num_views * images.num_images
    views = np.empty((num_views, images.num_images, *split.shape_hwd), np.float16)
    stream = images.stream(0, lambda _: side_hw)
    for step in range(-(-total // images.images_per_step)):
        found = split.activations(next(stream).images.permute(0, 2, 3, 1).numpy())
        chosen, places = images.members(step)
        wanted = places < total
        views[places[wanted] // images.num_images, chosen[wanted]] = found[wanted]
        advance(int(wanted.sum()))
    stream.close()
    return CachedActivations(images=images, views=views)


def cache_validation(split: SplitNetwork, validation: ValidationImages) -> ValidationImages:
    """Return the validation images as the last stages see them."""
    kept = np.empty((len(validation.rows), *split.shape_hwd), np.float16)
    for start in range(0, len(validation.rows), _BATCH):
        rows = validation.rows[start : start + _BATCH]
        pixels = validation.pixels[rows].astype(np.uint8, copy=False)
        kept[start : start + len(rows)] = split.activations(pixels)
    return ValidationImages(pixels=kept, rows=np.arange(len(kept)), targets=validation.targets)


def merge_last_stages(network: TransferNetwork, last_stages: TransferNetwork) -> TransferNetwork:
    """Return a copy of a network with the weights of its trained last stages."""
    whole = copy.deepcopy(network)
    whole.load_state_dict(last_stages.state_dict(), strict=False)
    return whole.eval()
