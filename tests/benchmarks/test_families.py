"""The contract that every backbone keeps, on one network of each kind; the benchmark runs all.

What differs between families is where the head sits, how depth is told, what normalises, and whether
there is a map: so here are a network with fully connected layers, one with a convolution as head, one with
auxiliary heads, one that normalises behind the pooling, and one with position embeddings.
"""

import dataclasses

import pytest

from benchmarks import families
from benchmarks.families import BATCH_SIZES, FAMILIES, Family, examine, row
from training.backbones.layer_groups import MAX_GROUPS
from training.export.parity import LOGIT_TOLERANCE

pytestmark = pytest.mark.training

# Whether the head is global average pooling and one linear layer, so that there is a map.
EXAMINED = {"AlexNet": True, "GoogLeNet": True, "SqueezeNet": True, "ConvNeXt": False, "ViT": False}


@pytest.mark.parametrize("name", EXAMINED)
def test_the_contract_holds(name: str) -> None:
    family = next(family for family in FAMILIES if family.name == name)
    found = examine(family)
    assert 1 < found.num_groups <= MAX_GROUPS
    assert found.loss_after < found.loss_before
    assert found.agreement == 1.0
    assert max(found.differences.values()) <= LOGIT_TOLERANCE
    assert set(found.differences) == set(BATCH_SIZES)
    assert (found.map_hw is not None) == EXAMINED[name]
    assert found.backbone.spec.crop_hw == (family.image_px, family.image_px)
    assert found.family.backbone in row(found)


def test_every_family_of_the_courses_is_examined_by_the_benchmark() -> None:
    names = " ".join(family.name for family in FAMILIES)
    for wanted in (
        *("AlexNet", "VGG", "GoogLeNet", "Inception v3", "ResNet", "ResNeXt", "Wide ResNet"),
        *("DenseNet", "DPN", "SE-ResNet", "SqueezeNet", "MobileNet v2", "MobileNet v3"),
        *("ShuffleNet v2", "MNASNet", "NASNet", "PNASNet", "EfficientNet", "ConvNeXt", "RegNet"),
        *("MobileNet v4", "EfficientNetV2", "ViT", "DeiT", "Swin"),
    ):
        assert wanted in names


def test_a_broken_backbone_is_told_and_fails_the_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Sixteen pixels are too few for AlexNet's pooling."""
    tiny = dataclasses.replace(FAMILIES[0], image_px=16)
    assert isinstance(tiny, Family)
    monkeypatch.setattr(families, "FAMILIES", (tiny,))
    assert families.main([]) == 1
    assert "BROKEN: backbone torchvision/alexnet does not take images of 16x16 px" in (
        capsys.readouterr().out
    )
