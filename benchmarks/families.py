"""One contract over every family of backbones: it builds, trains a step, exports, and answers alike.

    python -m benchmarks.families [--only resnet vit]

Random weights, for no hub is needed then, and small images where the family takes them. Prints a
Markdown table; exit code 1 where a backbone breaks the contract. `make test` runs some of them.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from inference.session import ModelSession, SessionConfig, open_session
from training.backbones.build import Backbone, build_backbone
from training.backbones.layer_groups import layer_groups
from training.config import FinetuneConfig
from training.errors import TrainingError
from training.export.network_parity import check_graph
from training.export.onnx_graph import attach_head
from training.export.trace import export_trunk
from training.finetuning.hyperparameters import FINETUNE
from training.finetuning.loop import set_training_mode
from training.finetuning.optimizer import build_optimizer, set_rate
from training.networks.transfer_network import TransferNetwork, serving_outputs

NUM_CLASSES: Final = 5
BATCH_SIZES: Final = (1, 2, 7)
_TEMPERATURE: Final = 1.3
_IMAGES: Final = 8


@dataclass(frozen=True, slots=True)
class Family:
    """A family as courses name it, one of its smaller networks, and a small image it takes."""

    name: str
    backbone: str
    image_px: int


FAMILIES: Final = (
    Family("AlexNet", "torchvision/alexnet", 96),
    Family("VGG", "timm/vgg11", 64),
    Family("VGG (torchvision)", "torchvision/vgg11_bn", 64),
    Family("GoogLeNet", "torchvision/googlenet", 96),
    Family("Inception v3", "timm/inception_v3", 128),
    Family("Inception v3 (torchvision)", "torchvision/inception_v3", 128),
    Family("ResNet", "timm/resnet18", 64),
    Family("ResNet (torchvision)", "torchvision/resnet18", 64),
    Family("ResNeXt", "timm/resnext50_32x4d", 64),
    Family("Wide ResNet", "timm/wide_resnet50_2", 64),
    Family("SE-ResNet", "timm/legacy_seresnet18", 64),
    Family("DenseNet", "timm/densenet121", 64),
    Family("DPN", "timm/dpn48b", 64),
    Family("SqueezeNet", "torchvision/squeezenet1_1", 96),
    Family("MobileNet v2", "timm/mobilenetv2_050", 64),
    Family("MobileNet v3", "timm/mobilenetv3_small_050", 64),
    Family("MobileNet v4", "timm/mobilenetv4_conv_small_050", 64),
    Family("ShuffleNet v2", "torchvision/shufflenet_v2_x0_5", 64),
    Family("MNASNet", "timm/mnasnet_small", 64),
    Family("MNASNet (torchvision)", "torchvision/mnasnet0_5", 64),
    Family("NASNet", "timm/nasnetalarge", 96),
    Family("PNASNet", "timm/pnasnet5large", 96),
    Family("EfficientNet", "timm/efficientnet_b0", 64),
    Family("EfficientNet-Lite", "timm/tf_efficientnet_lite0", 64),
    Family("EfficientNetV2", "timm/tf_efficientnetv2_b0", 64),
    Family("RegNet", "timm/regnety_002", 64),
    Family("ConvNeXt", "timm/convnext_atto", 64),
    Family("ViT", "timm/vit_tiny_patch16_224", 96),
    Family("DeiT", "timm/deit_tiny_patch16_224", 96),
    Family("Swin", "timm/swin_tiny_patch4_window7_224", 112),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """What one backbone did.

    Attributes:
        family: which one.
        backbone: as it was built.
        num_groups: of parameters by depth.
        loss_before, loss_after: cross-entropy of the same images around one training step.
        differences: largest |difference of a logit| between PyTorch and the exported file, relative to
            the largest logit where that is above 1, by batch size.
        agreement: share of the images with the same class on both sides.
        map_hw: height and width of the activation map, or None where there is none.
        seconds: of the whole examination.
    """

    family: Family
    backbone: Backbone
    num_groups: int
    loss_before: float
    loss_after: float
    differences: dict[int, float]
    agreement: float
    map_hw: tuple[int, int] | None
    seconds: float


class BrokenContractError(TrainingError):
    """A backbone does not do what every backbone has to."""


def examine(family: Family) -> Examined:
    """Build one backbone with a new head, train a step, export it and compare.

    Raises:
        TrainingError: it cannot be built or exported, or answers otherwise than in PyTorch.
    """
    began = time.monotonic()
    backbone = build_backbone(
        FinetuneConfig(
            data=Path("unused"),
            backbone=family.backbone,
            weights="none",
            image_size=family.image_px,
        )
    )
    network = TransferNetwork(backbone, NUM_CLASSES)
    pixels = _images(backbone)
    groups = _check_groups(network, pixels)
    _settle_norms(network, pixels)
    loss_before, loss_after = _train_step(network, pixels)
    trunk = export_trunk(network, backbone.spec)
    model = attach_head(trunk, network.linear_head(), temperature=_TEMPERATURE)
    session = open_session(model.SerializeToString(), SessionConfig(provider="cpu"))
    parity = check_graph(network, session, pixels, np.arange(len(pixels)), temperature=_TEMPERATURE)
    return Examined(
        family=family,
        backbone=backbone,
        num_groups=groups,
        loss_before=loss_before,
        loss_after=loss_after,
        differences={size: _difference(network, session, pixels[:size]) for size in BATCH_SIZES},
        agreement=parity.argmax_agreement,
        map_hw=_map_size(backbone, session, pixels),
        seconds=time.monotonic() - began,
    )


def _images(backbone: Backbone) -> npt.NDArray[np.uint8]:
    """Return (8, H, W, 3) uint8 images of coarse random patches: noise alone excites no network."""
    height, width = backbone.spec.crop_hw
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (_IMAGES, 8, 8, 3), dtype=np.uint8)
    rows, columns = np.arange(height) * 8 // height, np.arange(width) * 8 // width
    return np.ascontiguousarray(coarse[:, rows][:, :, columns])


def _tensor(pixels: npt.NDArray[np.uint8]) -> torch.Tensor:
    return torch.from_numpy(pixels).permute(0, 3, 1, 2)


def _check_groups(network: TransferNetwork, pixels: npt.NDArray[np.uint8]) -> int:
    """Every parameter lies in one group, and each group is first met later than the one before."""
    groups = layer_groups(network.trunk)
    names = [name for group in groups for name, _ in group]
    if sorted(names) != sorted(name for name, _ in network.trunk.named_parameters()):
        raise BrokenContractError("a parameter lies in no group by depth, or in two")
    met = _order_of_use(network, pixels)
    firsts = [
        min(met[_owner(name)] for name, _ in group if _owner(name) in met) for group in groups
    ]
    if any(later < earlier for earlier, later in pairwise(firsts)):
        raise BrokenContractError(f"groups are not ordered by depth: first met at {firsts}")
    return len(groups)


def _order_of_use(network: TransferNetwork, pixels: npt.NDArray[np.uint8]) -> dict[str, int]:
    """Return when each of the trunk's modules is first called."""
    met: dict[str, int] = {}

    def note(name: str) -> Any:
        def hook(module: nn.Module, inputs: Any) -> None:
            met.setdefault(name, len(met))

        return hook

    handles = [m.register_forward_pre_hook(note(n)) for n, m in network.trunk.named_modules()]
    with torch.inference_mode():
        network.eval()(_tensor(pixels[:1]))
    for handle in handles:
        handle.remove()
    return met


def _owner(parameter: str) -> str:
    return parameter.rpartition(".")[0]


def _settle_norms(network: TransferNetwork, pixels: npt.NDArray[np.uint8]) -> None:
    """Let BatchNorm learn its statistics: with those of an untrained network, values vanish or explode."""
    norms = [m for m in network.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = None  # the plain mean over the batches
    with torch.no_grad():
        network.train()(_tensor(pixels))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    network.eval()


def _train_step(network: TransferNetwork, pixels: npt.NDArray[np.uint8]) -> tuple[float, float]:
    """Take one step as fine-tuning does; return the loss before and after."""
    settings = replace(FINETUNE, learning_rate=1e-4)
    images, targets = _tensor(pixels), torch.arange(len(pixels)) % NUM_CLASSES
    optimizer = build_optimizer(network, settings)
    set_rate(optimizer, 1.0)
    set_training_mode(network, train_norms=False)
    loss: torch.Tensor = nn.functional.cross_entropy(network(images), targets)
    loss.backward()  # type: ignore[no-untyped-call]
    without = [n for n, p in network.named_parameters() if p.requires_grad and p.grad is None]
    if without:
        raise BrokenContractError(f"no gradient reaches {without[0]} and {len(without) - 1} others")
    network.eval()
    before = _loss(network, images, targets)
    optimizer.step()
    return before, _loss(network, images, targets)


@torch.inference_mode()
def _loss(network: nn.Module, images: torch.Tensor, targets: torch.Tensor) -> float:
    return float(nn.functional.cross_entropy(network(images), targets))


@torch.inference_mode()
def _difference(
    network: TransferNetwork, session: ModelSession, pixels: npt.NDArray[np.uint8]
) -> float:
    expected = serving_outputs(network, torch.from_numpy(pixels), _TEMPERATURE)["logits"].numpy()
    got = session.run(pixels, ["logits"])["logits"]
    return float(np.abs(expected - got).max() / max(1.0, float(np.abs(expected).max())))


def _map_size(
    backbone: Backbone, session: ModelSession, pixels: npt.NDArray[np.uint8]
) -> tuple[int, int] | None:
    if backbone.map_layer is None:
        return None
    found = session.run(pixels[:1], ["activation_map"])["activation_map"]
    return int(found.shape[1]), int(found.shape[2])


HEADER: Final = (
    "| family | backbone | px | parameters, M | embedding | groups | activation map | mean | "
    + " | ".join(f"difference at batch {size}" for size in BATCH_SIZES)
    + " | same class | seconds |\n"
    + "|---|---|---:|---:|---:|---:|---|---|"
    + "---:|" * (len(BATCH_SIZES) + 2)
)


def row(found: Examined) -> str:
    """Return one backbone's line of the table."""
    backbone = found.backbone
    cells = [
        found.family.name,
        found.family.backbone,
        f"{found.family.image_px}",
        f"{backbone.info.num_params / 1e6:.1f}",
        f"{backbone.embedding_dim}",
        f"{found.num_groups}",
        "none" if found.map_hw is None else f"{found.map_hw[0]} x {found.map_hw[1]}",
        ", ".join(f"{value:.3g}" for value in backbone.spec.mean),
        *(f"{found.differences[size]:.0e}" for size in BATCH_SIZES),
        f"{100 * found.agreement:.0f} %",
        f"{found.seconds:.0f}",
    ]
    return "| " + " | ".join(cells) + " |"


def main(argv: Sequence[str] | None = None) -> int:
    """Examine every family and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", default=[""], help="families with one of these words")
    words = [word.lower() for word in parser.parse_args(argv).only]
    print(HEADER)
    broken = 0
    for family in FAMILIES:
        if any(word in f"{family.name} {family.backbone}".lower() for word in words):
            try:
                print(row(examine(family)), flush=True)
            except TrainingError as err:
                broken += 1
                print(f"| {family.name} | {family.backbone} | BROKEN: {err} |", flush=True)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
