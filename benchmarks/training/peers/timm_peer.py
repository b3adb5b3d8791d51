"""timm's training script, rebuilt of timm's own parts: the script is no part of the package.

Its defaults: batches of 128, SGD with Nesterov momentum 0.9 at 0.1 * batch / 256, decay 2e-5, cosine
with a warm-up of 5 epochs in 300, crops of 8 to 100 % of the area, flips, colour jitter 0.4, label
smoothing 0.1, BatchNorm trained. Its 300 epochs do not fit; the schedule runs over the time given.
"""

import torch
from timm import create_model
from timm.data import create_dataset, create_loader
from timm.loss import LabelSmoothingCrossEntropy
from timm.optim import create_optimizer_v2
from timm.scheduler import CosineLRScheduler
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

_BATCH = 128
_TICKS = 3000  # of the schedule, over the time given
_WORKERS = 2


def main() -> None:
    """Run it."""
    task = read_task()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    train, test = (create_dataset("", task.data / split) for split in ("train", "test"))
    network = create_model(
        BACKBONE,
        pretrained=True,
        num_classes=len(train.reader.class_to_idx),
        pretrained_cfg_overlay={"file": str(task.weights)},
    ).to(device)
    common = {"input_size": (3, SIDE_PX, SIDE_PX), "mean": MEAN, "std": STD, "device": device}
    batch = min(_BATCH, len(train))  # the loader leaves out a batch that is not full
    training = create_loader(
        train, batch_size=batch, is_training=True, num_workers=_WORKERS, color_jitter=0.4, **common
    )
    testing = create_loader(
        test, batch_size=_BATCH, is_training=False, num_workers=_WORKERS, **common
    )
    optimizer = create_optimizer_v2(
        network, opt="sgd", lr=0.1 * batch / 256, momentum=0.9, weight_decay=2e-5
    )
    schedule = CosineLRScheduler(
        optimizer, t_initial=_TICKS, warmup_t=_TICKS * 5 // 300, warmup_lr_init=1e-5
    )
    loss_of = LabelSmoothingCrossEntropy(0.1)

    def step(images: torch.Tensor, targets: torch.Tensor) -> None:
        schedule.step(int(_TICKS * task.spent()))
        network.train()
        optimizer.zero_grad()
        loss_of(network(images.to(device)), targets.to(device)).backward()
        optimizer.step()

    steps, right = train_until_due(
        task, lambda: training, step, lambda: count_right(network, testing, device)
    )
    finish(right, len(test), f"{steps} steps of {batch}")


if __name__ == "__main__":
    main()
