"""A run on the tiny network and the folder of colours."""

import dataclasses
import time

import pytest

from tests.training.finetuning.test_batches import images_of
from training.backbones.build import Backbone
from training.candidates import Candidate
from training.config import FinetuneConfig
from training.data.split import Dataset
from training.finetuning.evaluation import ValidationImages
from training.finetuning.task import TrainingTask


@pytest.fixture
def task(
    probe: Candidate, backbone: Backbone, dataset: Dataset, config: FinetuneConfig
) -> TrainingTask:
    """Return a run of ten minutes on the tiny network."""
    assert probe.start is not None
    return TrainingTask(
        start=probe.start,
        backbone=backbone,
        dataset=dataset,
        images=images_of(dataset),
        validation=ValidationImages(
            pixels=dataset.pixels, rows=dataset.rows("val"), targets=dataset.targets("val")
        ),
        config=dataclasses.replace(config, method="finetune", device="cpu"),
        method="finetune",
        mirror=True,
        deadline_s=time.monotonic() + 600,
    )
