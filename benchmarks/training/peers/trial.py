"""What all peers are told, the test images named by a network, and the line with which they end."""

import argparse
import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

BACKBONE = "tf_efficientnet_lite0"
# The weights' own; timm's record of this network has ImageNet's usual ones.
MEAN = STD = (0.5, 0.5, 0.5)
SIDE_PX = 224


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """The data (`train/` and `test/`), the initial weights, and the time at which all is to be done."""

    data: Path
    weights: Path
    seed: int
    deadline: float
    began: float

    def left_s(self) -> float:
        """Return the seconds that are left."""
        return self.deadline - time.time()

    def spent(self) -> float:
        """Return the share of the time that is over, 0..1."""
        return min(1.0, (time.time() - self.began) / (self.deadline - self.began))


def read_task() -> Task:
    """Read the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--deadline", type=float, required=True, help="as of time.time()")
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    return Task(**vars(args), began=time.time())


def count_right(network: torch.nn.Module, batches: Iterable[Any], device: torch.device) -> int:
    """Return how many test images a network names rightly."""
    network.eval()
    right = 0
    with torch.inference_mode():
        for images, targets in batches:
            answers = network(images.to(device)).argmax(dim=1)
            right += int((answers == targets.to(device)).sum())
    return right


def train_until_due(
    task: Task,
    batches: Callable[[], Iterable[Any]],
    step: Callable[[Any, Any], None],
    evaluate: Callable[[], int],
) -> tuple[int, int]:
    """Take steps, epoch after epoch, until there is just time for the test images.

    How long these take is measured first. Returns the number of steps and of right answers.
    """
    began = time.time()
    evaluate()
    reserved_s = 1.2 * (time.time() - began)
    steps, longest_s = 0, 0.0
    while True:
        for images, targets in batches():
            if task.left_s() < reserved_s + longest_s:
                return steps, evaluate()
            started = time.time()
            step(images, targets)
            longest_s = max(longest_s, time.time() - started)
            steps += 1


def finish(right: int, images: int, note: str) -> None:
    """Print the last line; a bar may have left the line before unfinished."""
    print("\n" + json.dumps({"right": right, "images": images, "note": note}))
