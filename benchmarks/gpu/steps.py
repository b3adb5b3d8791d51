"""Where the milliseconds of a training step go on a GPU: `python -m benchmarks.gpu.steps`.

Random weights and noise, 32 images of 10 classes, bfloat16. Loss and gradients, with BatchNorm by itself
or folded into the convolutions, each kernel launched or all replayed as one CUDA graph; then what
follows them, the optimiser's step and the average of the weights. Medians. Prints a Markdown table.
"""

import argparse
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Final

import torch
from torch import Tensor, nn

from training.backbones.build import build_backbone
from training.config import FinetuneConfig
from training.finetuning.cuda_graph import CapturedStep
from training.finetuning.hyperparameters import FINETUNE
from training.finetuning.loop import set_training_mode
from training.finetuning.optimizer import build_optimizer
from training.finetuning.weight_averaging import WeightAverage
from training.networks.frozen_norms import folded_norms
from training.networks.transfer_network import TransferNetwork
from training.runtime.device import has_fast_bfloat16

BACKBONES: Final = ("timm/tf_efficientnet_lite0", "timm/resnet50", "timm/convnext_tiny")
SIDES_PX: Final = (128, 224)
_CLASSES: Final = 10
_IMAGES: Final = 32
_WARM_UP: Final = 3
_TIMED: Final = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A network with its loss on one batch."""

    network: TransferNetwork
    images: Tensor
    targets: Tensor

    def loss(self, images: Tensor, targets: Tensor, scale: Tensor | float = 1.0) -> Tensor:
        """Return the loss of some images, as the loop computes it."""
        device = images.device
        with torch.autocast(device.type, torch.bfloat16, enabled=has_fast_bfloat16(device)):
            logits = self.network(images)
        return nn.functional.cross_entropy(logits.float(), targets, reduction="sum") * scale

    def launched(self) -> None:
        """Compute the gradients, kernel by kernel."""
        self.network.zero_grad(set_to_none=True)
        float(self._backward())

    def recorded(self) -> CapturedStep:
        """Return what plays the same."""
        parameters = list(self.network.parameters())
        return CapturedStep.of(self.loss, parameters, self.images, self.targets, self.images.device)

    def _backward(self) -> Tensor:
        loss = self.loss(self.images, self.targets, 1 / _IMAGES)
        loss.backward()  # type: ignore[no-untyped-call]
        return loss.detach()


def took_ms(work: Callable[[], None]) -> float:
    """Return the median milliseconds of something, the GPU's part included."""
    taken = []
    for _ in range(_WARM_UP + _TIMED):
        torch.cuda.synchronize()
        began = time.perf_counter()
        work()
        torch.cuda.synchronize()
        taken.append(1000 * (time.perf_counter() - began))
    return median(taken[_WARM_UP:])


def measure(backbone: str, side_px: int) -> list[float]:
    """Return a line of the table."""
    torch.manual_seed(0)
    config = FinetuneConfig(data=Path("noise"), backbone=backbone, weights="none")
    network = TransferNetwork(build_backbone(config), _CLASSES)
    network.to("cuda", memory_format=torch.channels_last)  # type: ignore[call-overload]
    shape = _IMAGES, 3, side_px, side_px
    images = torch.randint(0, 256, shape, dtype=torch.uint8, device="cuda")
    targets = torch.randint(0, _CLASSES, (_IMAGES,), device="cuda")
    step = Step(network=network, images=images, targets=targets)
    set_training_mode(network, train_norms=False)
    began = time.perf_counter()
    step.launched()
    torch.cuda.synchronize()
    first_ms = 1000 * (time.perf_counter() - began)
    found = []
    for fold in (False, True):
        with ExitStack() as stack:
            if fold:
                stack.enter_context(folded_norms(network, images[:2]))
            found.append(took_ms(step.launched))
            recording = step.recorded()
            found.append(took_ms(lambda: _play(recording, step)))  # noqa: B023 -- called here
    optimizer = build_optimizer(network, replace(FINETUNE, learning_rate=1e-6))
    average, live = WeightAverage.of(network), network.state_dict()

    def change() -> None:
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()

    found += [took_ms(change), took_ms(lambda: average.update(live, 0.99)), first_ms]
    return found


def _play(recording: CapturedStep, step: Step) -> None:
    recording.replay(step.images, step.targets, 1 / _IMAGES)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", default=[""], help="backbones with one of these words")
    args = parser.parse_args()
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}, ms\n")
    columns = "launched | replayed | folded | folded, replayed | optimiser | average | first"
    print(f"| backbone | px | {columns} |\n|---|" + "---:|" * 8)
    for backbone in BACKBONES:
        for side_px in SIDES_PX:
            if any(word in backbone for word in args.only):
                values = " | ".join(f"{value:.1f}" for value in measure(backbone, side_px))
                print(f"| {backbone} | {side_px} | {values} |", flush=True)


if __name__ == "__main__":
    main()
