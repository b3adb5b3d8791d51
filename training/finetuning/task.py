"""What one training run is of: a network, images, and the options."""

from dataclasses import dataclass, replace

import torch

from training.augmentation.batches import StepImages
from training.backbones.backbone_facts import BackboneFacts
from training.config import FinetuneConfig
from training.data.class_weights import class_weights
from training.data.split import Dataset
from training.finetuning.hyperparameters import FINETUNE, SCRATCH, Hyperparameters
from training.finetuning.validation import ValidationImages
from training.networks.transfer_network import TransferNetwork
from training.runtime.device import has_fast_bfloat16, resolve_device
from training.runtime.time_budget import TimeBudget


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingTask:
    """What is to be trained on what.

    Attributes:
        start: the network with the probe's head, or random; left as it is.
        backbone: what `start` was made of.
        dataset: where all images are of.
        images: its `train` images, changed at random.
        validation: its `val` images.
        config: the run's options.
        method: "finetune" or "scratch".
        horizontal_flip: whether a flipped image keeps its class.
        settings: how weights are changed.
        budget: in which all is to be done.
        after_s: what follows the choice among the weights: export, measuring, publishing.
        part: which of several trainings of a run it is, in words; nothing where it is the only one.
        stretched: whether time that is left over may make the run longer than the data needs.
        export_s, feature_s: what exporting the backbone took, and each image's features by ONNX Runtime.
    """

    start: TransferNetwork
    backbone: BackboneFacts
    dataset: Dataset
    images: StepImages
    validation: ValidationImages
    config: FinetuneConfig
    method: str
    horizontal_flip: bool
    settings: Hyperparameters
    budget: TimeBudget
    after_s: float = 0.0
    part: str = ""
    stretched: bool = True
    export_s: float = 0.0
    feature_s: float = 0.0

    @property
    def scratch(self) -> bool:
        """Whether the weights are random at first."""
        return self.method == "scratch"


def choose_hyperparameters(
    config: FinetuneConfig, dataset: Dataset, *, scratch: bool
) -> Hyperparameters:
    """Return how weights are changed: the recipe, the user's options, and what data and machine ask for.

    `scratch`: whether they are random at first.
    """
    device = resolve_device(config.device)
    recipe = SCRATCH if scratch else FINETUNE
    weights = class_weights(dataset)
    return replace(
        recipe,
        learning_rate=config.learning_rate or recipe.learning_rate,
        weight_decay=config.weight_decay,
        class_weights=None if weights is None else torch.from_numpy(weights),
        half_precision=has_fast_bfloat16(device),
        device=device,
    )
