"""Seconds of a training step, with and without what is done to make it fast.

    python -m benchmarks.training.steps
    python -m benchmarks.training.steps --only lite0 --side-px 224

Random weights and noise, steps of 32 images as `training.finetune` takes them, BatchNorm frozen. Each
figure is of a process of its own, for what is done about memory holds for a whole process; the best of
some steps. Prints a Markdown table and a line of JSON.
"""

import argparse
import json
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import torch
from torch import nn

from benchmarks.machine import this_machine
from training.backbones.build import build_backbone
from training.config import FinetuneConfig
from training.finetuning.hyperparameters import FINETUNE
from training.finetuning.loop import set_training_mode
from training.finetuning.optimizer import build_optimizer
from training.networks.float32_depthwise import float32_depthwise
from training.networks.frozen_norms import folded_norms
from training.networks.transfer_network import TransferNetwork
from training.runtime.allocator import keep_freed_memory
from training.runtime.device import has_fast_bfloat16

BACKBONES: Final = (
    *("timm/tf_efficientnet_lite0", "timm/mobilenetv2_100", "timm/mobilenetv3_large_100"),
    *("timm/resnet18", "timm/resnet50", "timm/convnext_tiny"),
)
_CLASSES: Final = 10
_IMAGES: Final = 32
_STEPS: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """What is done: BatchNorm folded, depthwise layers in float32, freed memory kept."""

    name: str
    half_precision: bool = True
    folded: bool = False
    depthwise: bool = False
    kept: bool = False


# Each adds to the one before.
HALF: Final = (
    Variant(name="bfloat16"),
    Variant(name="depthwise in float32", depthwise=True),
    Variant(name="norms folded", depthwise=True, folded=True),
    Variant(name="memory kept", depthwise=True, folded=True, kept=True),
)
FULL: Final = (
    Variant(name="float32", half_precision=False),
    Variant(name="norms folded", half_precision=False, folded=True),
    Variant(name="memory kept", half_precision=False, folded=True, kept=True),
)


def step_s(backbone: str, side_px: int, variant: Variant) -> float:
    """Return the seconds of the fastest of some steps."""
    if variant.kept and not keep_freed_memory():
        raise SystemExit("this C library cannot be told to keep memory")
    config = FinetuneConfig(data=Path("noise"), backbone=backbone, weights="none")
    torch.manual_seed(0)
    network = TransferNetwork(build_backbone(config), _CLASSES)
    network.to(memory_format=torch.channels_last)
    optimizer = build_optimizer(network, replace(FINETUNE, learning_rate=1e-4))
    images = torch.randint(0, 256, (_IMAGES, 3, side_px, side_px), dtype=torch.uint8)
    targets = torch.randint(0, _CLASSES, (_IMAGES,))
    set_training_mode(network, train_norms=False)
    taken = []
    with ExitStack() as stack:
        if variant.folded:
            stack.enter_context(folded_norms(network, images[:2]))
        if variant.depthwise:
            stack.enter_context(float32_depthwise(network))
        for _ in range(_STEPS):
            began = time.perf_counter()
            optimizer.zero_grad(set_to_none=True)
            with torch.autocast("cpu", torch.bfloat16, enabled=variant.half_precision):
                logits = network(images)
            loss = nn.functional.cross_entropy(logits.float(), targets)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            taken.append(time.perf_counter() - began)
    return min(taken)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--only", nargs="+", default=[""], metavar="WORD", help="backbones with one"
    )
    parser.add_argument("--side-px", type=int, default=128, metavar="N")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    # Without fast bfloat16 training leaves it alone, and so does this.
    variants = (*HALF, *FULL) if has_fast_bfloat16(torch.device("cpu")) else FULL
    if args.one:
        print(step_s(args.one[0], args.side_px, variants[int(args.one[1])]))
        return
    print(f"Seconds of a step of {_IMAGES} images of {args.side_px} px, on {this_machine()}.\n")
    print("| backbone | " + " | ".join(variant.name for variant in variants) + " |")
    print("|---" * (1 + len(variants)) + "|")
    found: dict[str, list[float]] = {}
    for backbone in BACKBONES:
        if not any(word in backbone for word in args.only):
            continue
        print(f"| {backbone}", end="", flush=True)
        found[backbone] = []
        for index in range(len(variants)):
            command = ["--one", backbone, str(index), "--side-px", str(args.side_px)]
            found[backbone].append(_measured(command))
            print(f" | {found[backbone][-1]:.3f}", end="", flush=True)
        print(" |")
    print(json.dumps({"side_px": args.side_px, "steps_s": found}))


def _measured(options: list[str]) -> float:
    command = [sys.executable, "-m", "benchmarks.training.steps", *options]
    return float(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


if __name__ == "__main__":
    main()
