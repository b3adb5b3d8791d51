"""Steps that do not fit into memory, taken in parts."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from training.augmentation.batches import Batch
from training.errors import ConfigError

PartialLoss = Callable[[Tensor, Tensor], Tensor]


@dataclass(slots=True)
class Accumulation:
    """In how many parts a step's gradients are computed: as few as memory has room for.

    The step is the same one, whatever the number: gradients of the parts are added up.
    """

    parts: int = 1

    def backward(
        self, loss_of: PartialLoss, batch: Batch, optimizer: torch.optim.Optimizer
    ) -> float:
        """Set the gradients to those of a batch and return its loss.

        Raises:
            ConfigError: not even one image at a time has room.
        """
        while True:
            # What the parts of a failed try have added must not count.
            optimizer.zero_grad(set_to_none=True)
            try:
                return self._backward(loss_of, batch)
            except torch.OutOfMemoryError as err:
                if batch.targets is not batch.all_targets:
                    # The other processes wait for this one's gradients: it cannot begin again.
                    raise ConfigError(
                        "a GPU has no room for its part of a step; lower --batch-size"
                    ) from err
                if self.parts >= len(batch.targets):
                    raise ConfigError(
                        "one training image at a time does not fit into memory; choose a smaller "
                        "--backbone or --image-size"
                    ) from err
                self.parts *= 2
            # Outside of the handler: the traceback holds what is to be freed.
            if torch.cuda.is_available():
                torch.cuda.empty_cache()

    def _backward(self, loss_of: PartialLoss, batch: Batch) -> float:
        total = 0.0
        images, targets = batch.images.chunk(self.parts), batch.targets.chunk(self.parts)
        for part, labels in zip(images, targets, strict=True):
            loss = loss_of(part, labels)
            loss.backward()  # type: ignore[no-untyped-call]
            total += float(loss.detach())
        return total
