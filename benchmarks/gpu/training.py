"""Images a second in training on a GPU, family by family: `python -m benchmarks.gpu.training DATA`.

Random weights, every backbone's own image size, the training loop's own steps of 32 images: once with
the images that it is fed (kept on the GPU as uint8 and changed there), once with one batch again and
again, which is what the network alone allows. A backbone that fails is a row that says so, and exit
code 1. Prints a Markdown table.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import torch

from benchmarks.families import FAMILIES
from training.augmentation.batches import Batch, CachedImages, StepImages, TrainingImages
from training.augmentation.gpu_cache import cache_on_gpu
from training.augmentation.random_augmentation import Augmentation
from training.backbones.build import build_backbone
from training.config import FinetuneConfig
from training.data.layout import read_folder
from training.data.scan import Scan, open_cache, scan_folder
from training.data.views import Views
from training.errors import TrainingError
from training.finetuning.hyperparameters import FINETUNE, Hyperparameters
from training.finetuning.loop import Hooks, StepReport, Trainer
from training.finetuning.step_plan import Size, StepPlan
from training.finetuning.validation import ValidationImages
from training.networks.transfer_network import TransferNetwork
from training.runtime.device import has_fast_bfloat16
from training.runtime.time_budget import TimeBudget

BATCH_SIZE: Final = 32
# Backbones beyond the contract's small ones: what people ask for by name.
MORE: Final = ("timm/resnet50", "timm/vgg16", "timm/mobilenetv2_100", "timm/convnext_tiny")
# The first steps choose kernels.
_WARM_UP: Final = 8
_TIMED: Final = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class SameBatch(CachedImages):
    """One batch again and again: nothing is prepared."""

    batch: Batch

    def stream(
        self, first_step: int, side_hw_at: Callable[[int], tuple[int, int]]
    ) -> Generator[Batch]:
        """Yield the batch for ever."""
        while True:
            yield self.batch


def main() -> int:
    """Measure every family; return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, help="a folder of images, one subfolder per class")
    parser.add_argument("--only", nargs="+", default=[""], help="backbones with one of these words")
    parser.add_argument("--device", default="cuda", help="where [cuda]")
    args = parser.parse_args()
    device = torch.device(args.device)
    names = (*(family.backbone for family in FAMILIES), *MORE)
    names = tuple(name for name in names if any(word in name for word in args.only))
    where = torch.cuda.get_device_name(device) if device.type == "cuda" else "the CPU"
    print(f"{where}, torch {torch.__version__}, {BATCH_SIZE} images a step\n")
    print("| backbone | px | images/s | network alone | share | GPU memory, MB |")
    print("|---|---:|---:|---:|---:|---:|")
    broken = 0
    with tempfile.TemporaryDirectory() as cache_dir:
        for name in names:
            try:
                print(measure(name, args.data, device, Path(cache_dir)), flush=True)
            except (TrainingError, RuntimeError) as err:
                broken += 1
                print(f"| {name} | BROKEN: {type(err).__name__}: {str(err)[:200]} |", flush=True)
    return 1 if broken else 0


def measure(name: str, data: Path, device: torch.device, cache_dir: Path) -> str:
    """Return a backbone's line of the table."""
    backbone = build_backbone(FinetuneConfig(data=data, backbone=name, weights="none"))
    side_hw = backbone.spec.crop_hw
    views = Views(backbone.spec, for_training=True)
    network = TransferNetwork(backbone, len(read_folder(data).labels))
    with open_cache(cache_dir, views) as cache:
        read = _read(scan_folder(read_folder(data), views, cache))
        images = cache_on_gpu(read, device)
        same = next(images.stream(0, lambda step: side_hw))
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
        fed = images_per_s(network, images, side_hw, device)
        alone = images_per_s(network, SameBatch(images=read, batch=same), side_hw, device)
    peak_mb = torch.cuda.max_memory_allocated(device) / 1e6 if device.type == "cuda" else 0
    return (
        f"| {name} | {side_hw[1]} | {fed:.0f} | {alone:.0f} | {fed / alone:.2f} | {peak_mb:.0f} |"
    )


def _read(scan: Scan) -> TrainingImages:
    """Return all images of a folder as training images."""
    assert scan.training is not None
    index = {label: place for place, label in enumerate(scan.folder.labels)}
    return TrainingImages(
        pixels=scan.training,
        rows=np.arange(len(scan.images)),
        targets=np.array([index[image.file.label] for image in scan.images]),
        seed=0,
        batch_size=BATCH_SIZE,
        augmentation=Augmentation(horizontal_flip=True, distort=True),
    )


def images_per_s(
    network: TransferNetwork, images: StepImages, side_hw: Size, device: torch.device
) -> float:
    """Take the training loop's steps with a network; return the images a second after warming up."""
    step_plan = StepPlan(
        num_steps=_WARM_UP + _TIMED,
        most_steps=_WARM_UP + _TIMED,
        num_validations=0,
        early_hw=side_hw,
        final_hw=side_hw,
        budget=TimeBudget.starting_now(),
    )
    at: list[float] = []

    def on_step(report: StepReport) -> None:
        if report.step in (_WARM_UP, _WARM_UP + _TIMED):
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            at.append(time.perf_counter())

    nobody = ValidationImages(
        pixels=np.empty((0, *side_hw, 1), np.float16), rows=np.arange(0), targets=np.arange(0)
    )
    Trainer.begin(
        network,
        images,
        nobody,
        _settings(device),
        step_plan=step_plan,
        hooks=Hooks(on_step=on_step),
    ).run()
    return _TIMED * BATCH_SIZE / (at[1] - at[0])


def _settings(device: torch.device) -> Hyperparameters:
    """Return what fine-tuning uses, at a rate that random weights survive."""
    return replace(
        FINETUNE,
        learning_rate=FINETUNE.learning_rate / 100,
        train_norms=True,  # the statistics of an untrained network let values explode
        half_precision=has_fast_bfloat16(device),
        device=device,
    )


if __name__ == "__main__":
    sys.exit(main())
