"""Real images and real weights of ../shared. These tests fail where it is missing."""

from pathlib import Path

import pytest

from inference.golden import check_golden
from inference.loading import open_classifier
from inference.session import SessionConfig
from training.finetune import main

pytestmark = [pytest.mark.training, pytest.mark.shared]

SHARED = Path(__file__).resolve().parents[2].parent / "shared"


def finetune(data: Path, models_dir: Path, *flags: str) -> Path:
    """Run the command and return the published folder."""
    assert data.is_dir(), f"{data} is missing; these tests need it"
    assert main([str(data), "--models-dir", str(models_dir), *flags]) == 0
    return models_dir / data.name / "1"


def test_real_mobilenet_weights_of_another_trainer_export_and_serve(models_dir: Path) -> None:
    """Weights converted from TensorFlow: its padding, its epsilon, its normalisation."""
    weights = SHARED / "weights" / "mobilenetv2_100.tf_dogs.safetensors"
    package = finetune(
        SHARED / "data" / "members",
        models_dir,
        *("--backbone", "mobilenetv2_100", "--weights", str(weights), "--method", "probe"),
        *("--backbone-args", "pad_type=same", "bn_eps=0.001", "--mean", "0.5", "--std", "0.5"),
    )
    classifier = open_classifier(package, session=SessionConfig(provider="cpu"))
    assert check_golden(classifier, package) == 12
    assert classifier.has_activation_map
    manifest = classifier.manifest
    assert manifest.parity.argmax_agreement == 1
    assert manifest.backbone.weights == weights.name
    assert manifest.metrics.validation == "cross-validated"
    # Guessing is right on a fifth.
    assert manifest.metrics.val.accuracy > 1.5 / len(manifest.labels)


def test_the_default_backbone_knows_garments_after_the_probe(models_dir: Path) -> None:
    """A rough script reached 0.857 to 0.874 with the same weights and images."""
    package = finetune(SHARED / "data" / "clothing", models_dir, "--method", "probe", "--offline")
    classifier = open_classifier(package, session=SessionConfig(provider="cpu"))
    metrics = classifier.manifest.metrics.test
    assert metrics is not None
    assert metrics.accuracy >= 0.84
    assert metrics.ece < 0.1
