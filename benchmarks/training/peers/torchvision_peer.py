"""The loop of torchvision's reference script for classification, in its defaults.

Batches of 32, SGD with momentum 0.9 at 0.1, decay 1e-4, a tenth of the rate after each third (of its
90 epochs; here of the time given), random resized crops and flips; test images are resized to 256 px
and cropped. Its networks are torchvision's; the network here is the one that all others have.
"""

import torch
from timm import create_model
from torch import nn
from torch.utils.data import DataLoader
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2
from trial import (
    BACKBONE,
    MEAN,
    SIDE_PX,
    STD,
    count_right,
    finish,
    read_task,
    train_until_due,
)

_BATCH = 32
_RATE = 0.1
_WORKERS = 2


def main() -> None:
    """Run it."""
    task = read_task()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    ending = [v2.PILToTensor(), v2.ToDtype(torch.float, scale=True), v2.Normalize(MEAN, STD)]
    changed = v2.Compose([v2.RandomResizedCrop(SIDE_PX), v2.RandomHorizontalFlip(), *ending])
    looked_at = v2.Compose([v2.Resize(256), v2.CenterCrop(SIDE_PX), *ending])
    train = ImageFolder(task.data / "train", changed)
    test = ImageFolder(task.data / "test", looked_at)
    training = DataLoader(train, _BATCH, shuffle=True, num_workers=_WORKERS)
    testing = DataLoader(test, _BATCH, num_workers=_WORKERS)
    network = create_model(
        BACKBONE,
        pretrained=True,
        num_classes=len(train.classes),
        pretrained_cfg_overlay={"file": str(task.weights)},
    ).to(device)
    optimizer = torch.optim.SGD(network.parameters(), lr=_RATE, momentum=0.9, weight_decay=1e-4)

    def step(images: torch.Tensor, targets: torch.Tensor) -> None:
        for group in optimizer.param_groups:
            group["lr"] = _RATE * 0.1 ** min(2, int(3 * task.spent()))
        network.train()
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(network(images.to(device)), targets.to(device))
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    steps, right = train_until_due(
        task, lambda: training, step, lambda: count_right(network, testing, device)
    )
    finish(right, len(test), f"{steps} steps of {_BATCH}")


if __name__ == "__main__":
    main()
