"""Steps in parts, where memory has no room for the whole."""

import pytest
import torch
from torch import Tensor, nn

from training.augmentation.batches import Batch
from training.errors import ConfigError
from training.finetuning.gradient_accumulation import Accumulation

pytestmark = pytest.mark.training


class Room:
    """A linear layer's loss on a device with room for a number of images at a time."""

    def __init__(self, images: int) -> None:
        torch.manual_seed(0)
        self.layer = nn.Linear(12, 3)
        self.optimizer = torch.optim.SGD(self.layer.parameters(), lr=0.1)
        self.images = images
        self.sizes: list[int] = []

    def loss(self, images: Tensor, targets: Tensor) -> Tensor:
        """Return a part's share of the loss over eight images."""
        self.sizes.append(len(images))
        if len(images) > self.images:
            raise torch.OutOfMemoryError("no room")
        logits = self.layer(images.float().flatten(1))
        return nn.functional.cross_entropy(logits, targets, reduction="sum") / 8


def batch() -> Batch:
    """Return eight images."""
    generator = torch.Generator().manual_seed(1)
    targets = torch.arange(8) % 3
    images = torch.randint(0, 3, (8, 3, 2, 2), generator=generator).to(torch.uint8)
    return Batch(images=images, targets=targets, all_targets=targets)


def test_parts_add_up_to_the_whole() -> None:
    """The parts that were computed before memory ran out do not count twice."""
    whole, parted = Room(8), Room(2)
    losses = [
        Accumulation().backward(room.loss, batch(), room.optimizer) for room in (whole, parted)
    ]
    assert losses[0] == pytest.approx(losses[1])
    assert parted.sizes == [8, 4, 2, 2, 2, 2]
    assert whole.layer.weight.grad is not None
    assert parted.layer.weight.grad is not None
    assert torch.allclose(whole.layer.weight.grad, parted.layer.weight.grad, atol=1e-6)


def test_a_later_step_begins_with_the_parts_that_had_room() -> None:
    room, accumulation = Room(4), Accumulation()
    for _ in range(2):
        accumulation.backward(room.loss, batch(), room.optimizer)
    assert room.sizes == [8, 4, 4, 4, 4]


def test_no_room_for_one_image_is_told_with_the_remedy() -> None:
    room = Room(0)
    with pytest.raises(ConfigError, match="smaller --backbone or --image-size"):
        Accumulation().backward(room.loss, batch(), room.optimizer)


def test_of_several_processes_none_can_begin_again_alone() -> None:
    room, whole = Room(2), batch()
    part = Batch(images=whole.images, targets=whole.targets.clone(), all_targets=whole.targets)
    with pytest.raises(ConfigError, match="lower --batch-size"):
        Accumulation().backward(room.loss, part, room.optimizer)
