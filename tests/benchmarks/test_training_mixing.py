"""Losses of mixed images and smoothed labels."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from benchmarks.training import regularisers
from benchmarks.training.mixing import Cutmix, Mixup, Plain, Smoothing
from training.finetuning.hyperparameters import FINETUNE
from training.finetuning.loop import Trainer

pytestmark = pytest.mark.training


def images() -> torch.Tensor:
    """Return eight images of one value each: (8, 3, 16, 16)."""
    return torch.arange(8.0).reshape(8, 1, 1, 1).expand(8, 3, 16, 16)


def blank(variant: type[Any]) -> Any:
    """Return a trainer that can mix and take the loss of a step, and no more."""
    trainer = object.__new__(variant)
    trainer.settings, trainer.loss_weights = FINETUNE, None
    return trainer


TARGETS = torch.arange(8) % 5


def loss(variant: type[Any], targets: Tensor = TARGETS) -> Tensor:
    """Return what a step of eight random images loses by a random network of five classes."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(3 * 4 * 4, 5))
    found: Tensor = blank(variant)._loss(network, torch.rand(8, 3, 4, 4), targets)
    return found


def test_plain_images_stay_as_they_are() -> None:
    mixed, _, share = blank(Plain).mix(images())
    assert torch.equal(mixed, images())
    assert share == 1


def test_mixup_gives_the_weighted_mean_of_an_image_and_its_partner() -> None:
    torch.manual_seed(0)
    mixed, partners, share = blank(Mixup).mix(images())
    assert sorted(partners.tolist()) == list(range(8))
    expected = share * torch.arange(8.0) + (1 - share) * partners
    torch.testing.assert_close(mixed.mean(dim=(1, 2, 3)), expected)


def test_cutmix_gives_the_area_that_is_still_of_the_image() -> None:
    torch.manual_seed(0)
    shares = set()
    for _ in range(20):
        mixed, partners, share = blank(Cutmix).mix(images())
        expected = share * torch.arange(8.0) + (1 - share) * partners
        torch.testing.assert_close(mixed.mean(dim=(1, 2, 3)), expected)
        shares.add(share)
    # About every second step is left as it is, the others get boxes of all sizes.
    assert 1.0 in shares
    assert len(shares) > 5


def test_the_plain_variant_has_the_loss_of_fine_tuning() -> None:
    torch.testing.assert_close(loss(Plain), loss(Trainer))


def test_smoothed_labels_are_a_tenth_of_the_loss_of_all_classes() -> None:
    class Everything(Plain):
        __slots__ = ()
        smoothing = 1.0

    torch.testing.assert_close(loss(Smoothing), 0.9 * loss(Plain) + 0.1 * loss(Everything))


def test_a_mixed_image_has_both_labels_by_their_shares() -> None:
    class Labels(Plain):
        __slots__ = ()

        def mix(self, images: Tensor) -> tuple[Tensor, Tensor, float]:
            return images, torch.arange(8).roll(1), 0.25

    expected = 0.25 * loss(Plain) + 0.75 * loss(Plain, TARGETS.roll(1))
    torch.testing.assert_close(loss(Labels), expected)


def test_halves_part_the_training_images_and_keep_the_test_images(tmp_path: Path) -> None:
    for part, count in (("train", 6), ("test", 2)):
        for label in ("cat", "dog"):
            folder = tmp_path / "data" / part / label
            folder.mkdir(parents=True)
            for i in range(count):
                (folder / f"{i}.png").write_bytes(f"{part}{label}{i}".encode())
    regularisers.write_halves(tmp_path / "data", tmp_path / "out", seed=1)
    found = {
        part: {p.read_bytes() for p in (tmp_path / "out" / part).rglob("*.png")}
        for part in ("train", "test")
    }
    assert len(found["train"]) == 2 * 3
    assert len(found["test"]) == 2 * (3 + 2)
    assert not found["train"] & found["test"]


def test_each_seed_has_a_probe_and_every_variant() -> None:
    trials = regularisers.plan(2)
    assert len(trials) == len(set(trials)) == 2 * 5
