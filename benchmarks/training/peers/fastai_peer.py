"""fastai as its vision tutorial has it: Resize(224), aug_transforms, `vision_learner`, `fine_tune`.

As many epochs as fit, by the measured time of a few batches; at least `fine_tune(1)`, the least there
is. The test folder is its validation folder, which it looks at after each epoch, so that no training
image is kept from it.
"""

import time
from itertools import islice
from typing import Any

from fastai.vision.all import (
    ImageDataLoaders,
    Resize,
    accuracy,
    aug_transforms,
    get_image_files,
    set_seed,
    vision_learner,
)
from trial import BACKBONE, MEAN, SIDE_PX, STD, Task, finish, read_task

_BATCH = 64  # its own default
_TIMED_BATCHES = 3
_MOST_EPOCHS = 100


def make_learner(task: Task) -> Any:
    """Return a learner with the initial weights."""
    num_images = len(get_image_files(task.data / "train"))
    dls = ImageDataLoaders.from_folder(
        task.data,
        train="train",
        valid="test",
        seed=task.seed,
        item_tfms=Resize(SIDE_PX),
        batch_tfms=aug_transforms(),
        bs=min(_BATCH, num_images),  # it leaves out a batch that is not full
    )
    overlay = {"file": str(task.weights), "mean": MEAN, "std": STD}
    return vision_learner(dls, BACKBONE, metrics=accuracy, pretrained_cfg_overlay=overlay)


def batch_seconds(learner: Any, *, frozen: bool) -> float:
    """Return the time of a training batch, from throw-away steps."""
    learner.freeze_to(-1 if frozen else 0)
    learner.model.train()
    num_batches = min(_TIMED_BATCHES, len(learner.dls.train))
    began = time.time()
    for images, targets in islice(learner.dls.train, num_batches):
        learner.loss_func(learner.model(images), targets).backward()
        learner.opt.zero_grad()
    return (time.time() - began) / num_batches


def plan_epochs(task: Task) -> int:
    """Return the epochs of `fine_tune` that fit, beside its one frozen epoch."""
    learner = make_learner(task)
    num_batches = len(learner.dls.train)
    began = time.time()
    with learner.no_bar():
        learner.validate()
    looking_s = time.time() - began
    frozen_s = num_batches * batch_seconds(learner, frozen=True) + looking_s
    epoch_s = num_batches * batch_seconds(learner, frozen=False) + looking_s
    left_s = task.left_s() - looking_s - frozen_s
    return max(1, min(_MOST_EPOCHS, int(left_s / epoch_s)))


def main() -> None:
    """Run it."""
    task = read_task()
    set_seed(task.seed)
    epochs = plan_epochs(task)
    learner = make_learner(task)
    with learner.no_bar(), learner.no_logging():
        learner.fine_tune(epochs)
        share = float(learner.validate()[1])
    images = len(learner.dls.valid_ds)
    finish(round(share * images), images, f"fine_tune({epochs})")


if __name__ == "__main__":
    main()
