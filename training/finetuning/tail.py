"""The last stages of a network alone, trained on kept activations of the frozen part before them.

The frozen part answers each training image a few times, changed at random; the steps that follow cost
what the last stages cost. For a budget on a CPU in which the whole network would take few steps.
"""

import copy
from collections.abc import Callable, Generator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from training.backbones.cuts import Cut, split_trunk
from training.finetuning.batches import Batch, Share, TrainingImages
from training.finetuning.evaluation import ValidationImages
from training.networks.network import TransferNetwork

# Of each image, (h, w, D): half the memory of float32, and far finer than what the network tells apart.
Activations = npt.NDArray[np.float16]

_BATCH = 32


class TailNetwork(TransferNetwork):
    """What comes behind a cut, and the head: activations (N, D, h, w) to logits (N, K).

    Its parameters are the network's own, under the same names.
    """

    def __init__(self, network: TransferNetwork, cut: Cut) -> None:
        nn.Module.__init__(self)
        self.trunk, self.head, self.map_layer = cut.tail, network.head, None

    def normalise(self, images: Tensor) -> Tensor:
        """Return the activations as float32: the front has normalised what it was made of."""
        return images.float()


@dataclass(frozen=True, slots=True, kw_only=True)
class Halves:
    """A network in evaluation mode, cut in two: `tail(front(x))` is `network(x)`.

    `shape_hwd`: the activations of one image between the two. `half_precision`: whether the front
    computes in bfloat16.
    """

    front: nn.Module
    tail: TailNetwork
    shape_hwd: tuple[int, int, int]
    half_precision: bool

    @torch.inference_mode()
    def activations(self, images: Tensor) -> Activations:
        """Return (N, h, w, D) float16 for images (N, 3, H, W) uint8."""
        with torch.autocast("cpu", torch.bfloat16, enabled=self.half_precision):
            found: Tensor = self.front(images.contiguous(memory_format=torch.channels_last))
        kept: Activations = found.permute(0, 2, 3, 1).half().contiguous().numpy()
        return kept


class _Front(nn.Module):
    """Images (N, 3, H, W), 0..255, to the activations at a cut."""

    def __init__(self, network: TransferNetwork, cut: Cut) -> None:
        super().__init__()
        self.network, self.layers = network, cut.front

    def forward(self, images: Tensor) -> Tensor:
        found: Tensor = self.layers(self.network.normalise(images))
        return found


def cut_at(network: TransferNetwork, cut: Cut, *, half_precision: bool) -> Halves:
    """Return both halves of a network, of whose trunk `cut` is. They share its weights."""
    depth, height, width = cut.shape
    front = _Front(network, cut).eval().to(memory_format=torch.channels_last)
    return Halves(
        front=front,
        tail=TailNetwork(network, cut),
        shape_hwd=(height, width, depth),
        half_precision=half_precision,
    )


def find_cuts(network: TransferNetwork, side_hw: tuple[int, int]) -> list[Cut]:
    """Return where a network can be cut, from input to output, between maps (D, h, w)."""
    noise = torch.randint(0, 256, (2, 3, *side_hw), generator=torch.Generator().manual_seed(0))
    example = network.normalise(noise)
    return [cut for cut in split_trunk(network.trunk, example) if len(cut.shape) == 3]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptViews:
    """The training split as the tail sees it, in the order of `images`.

    `views[v, i]` are the activations of image i, changed at random for the v-th time; the passes over
    the images take the views in turn.
    """

    images: TrainingImages
    views: Activations

    @property
    def share(self) -> Share:
        """This process's part of each step."""
        return self.images.share

    @property
    def num_images(self) -> int:
        """The images of a pass."""
        return self.images.num_images

    @property
    def images_per_step(self) -> int:
        """The images of a step, over all processes."""
        return self.images.images_per_step

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


def keep_views(
    halves: Halves,
    images: TrainingImages,
    *,
    num_views: int,
    side_hw: tuple[int, int],
    advance: Callable[[int], None] = lambda _: None,
) -> KeptViews:
    """Answer each training image `num_views` times: what the first passes of a run would see.

    `advance` is told how many more are done.
    """
    total = num_views * images.num_images
    views = np.empty((num_views, images.num_images, *halves.shape_hwd), np.float16)
    stream = images.stream(0, lambda _: side_hw)
    for step in range(-(-total // images.images_per_step)):
        found = halves.activations(next(stream).images)
        chosen, places = images.members(step)
        wanted = places < total
        views[places[wanted] // images.num_images, chosen[wanted]] = found[wanted]
        advance(int(wanted.sum()))
    stream.close()
    return KeptViews(images=images, views=views)


def keep_validation(halves: Halves, validation: ValidationImages) -> ValidationImages:
    """Return the validation images as the tail sees them."""
    kept = np.empty((len(validation.rows), *halves.shape_hwd), np.float16)
    for start in range(0, len(validation.rows), _BATCH):
        pixels = validation.pixels[validation.rows[start : start + _BATCH]]
        images = torch.from_numpy(pixels).permute(0, 3, 1, 2)
        kept[start : start + len(pixels)] = halves.activations(images)
    return ValidationImages(pixels=kept, rows=np.arange(len(kept)), targets=validation.targets)


def put_together(network: TransferNetwork, tail: TransferNetwork) -> TransferNetwork:
    """Return a copy of a network with the weights of its trained tail."""
    whole = copy.deepcopy(network)
    whole.load_state_dict(tail.state_dict(), strict=False)
    return whole.eval()
