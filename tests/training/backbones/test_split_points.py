"""Cutting a trunk in two: the halves together are the trunk, and share its weights."""

import pytest
import timm
import torch
import torchvision
from torch import Tensor, nn

from training.backbones.head_removal import remove_timm_head, remove_torchvision_head
from training.backbones.layer_groups import layer_groups
from training.backbones.split_points import SplitPoint, split_trunk

pytestmark = pytest.mark.training


def trunk_of(name: str) -> nn.Module:
    """Return a network of random weights without its head."""
    torch.manual_seed(0)
    source, _, model = name.partition("/")
    if source == "timm":
        return remove_timm_head(timm.create_model(model, pretrained=False)).eval()
    return remove_torchvision_head(torchvision.models.get_model(model, weights=None)).eval()


def images(side_px: int = 64) -> Tensor:
    """Return two images of noise."""
    return torch.randn(2, 3, side_px, side_px, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(
    ("name", "last"),
    [
        ("timm/tf_efficientnet_lite0", "conv_head"),
        ("timm/mobilenetv3_small_050", "conv_head"),
        ("timm/test_resnet", "layer4.0"),
        ("timm/convnext_atto", "stages.3.blocks.1"),
        ("timm/densenet121", "features.denseblock4"),
        ("timm/vgg11_bn", "features.25"),
        ("timm/regnetx_002", "s4"),
        ("torchvision/squeezenet1_1", "features.12"),
        ("torchvision/shufflenet_v2_x0_5", "conv5.0"),
        ("torchvision/mobilenet_v3_small", "features.12.0"),
    ],
)
@torch.no_grad()
def test_the_halves_together_are_the_trunk(name: str, last: str) -> None:
    """On other images and another number of them than the cuts were found with."""
    trunk = trunk_of(name)
    cuts = split_trunk(trunk, images())
    assert len(cuts) >= 4
    assert cuts[-1].name == last
    other = torch.randn(3, 3, 64, 64)
    expected = trunk(other)
    for cut in (cuts[0], cuts[len(cuts) // 2], cuts[-1]):
        activations = cut.front(other)
        assert activations.shape == (3, *cut.shape)
        assert torch.allclose(cut.back(activations), expected, rtol=1e-4, atol=1e-5), cut.name


def test_cuts_go_from_input_to_output() -> None:
    cuts = split_trunk(trunk_of("timm/test_resnet"), images())
    in_front = [sum(p.numel() for p in cut.front.parameters()) for cut in cuts]
    assert in_front == sorted(in_front)
    assert len(set(in_front)) == len(in_front)


def test_every_weight_is_on_one_side() -> None:
    trunk = trunk_of("timm/test_resnet")
    every = {id(p) for p in trunk.parameters()}
    for cut in split_trunk(trunk, images()):
        front = {id(p) for p in cut.front.parameters()}
        tail = {id(p) for p in cut.back.parameters()}
        assert front | tail == every
        assert not front & tail


@pytest.fixture
def last() -> tuple[nn.Module, SplitPoint]:
    """Return a network and its last cut."""
    trunk = trunk_of("timm/test_efficientnet")
    return trunk, split_trunk(trunk, images())[-1]


def test_training_the_tail_trains_the_trunk(last: tuple[nn.Module, SplitPoint]) -> None:
    trunk, cut = last
    before = {name: p.detach().clone() for name, p in trunk.named_parameters()}
    optimizer = torch.optim.SGD(cut.back.parameters(), lr=0.1)
    cut.back(cut.front(images()).detach()).square().sum().backward()
    optimizer.step()
    changed = {n for n, p in trunk.named_parameters() if not torch.equal(p, before[n])}
    assert changed == {name for name, _ in cut.back.named_parameters()}
    with torch.no_grad():
        assert torch.equal(cut.back(cut.front(images())), trunk(images()))


def test_the_tails_weights_have_the_trunks_names_and_depths(
    last: tuple[nn.Module, SplitPoint],
) -> None:
    trunk, cut = last
    own, own_of_back = dict(trunk.named_parameters()), dict(cut.back.named_parameters())
    assert all(own[name] is parameter for name, parameter in own_of_back.items())
    inside = [[n for n, _ in group if n in own_of_back] for group in layer_groups(trunk)]
    assert [[n for n, _ in group] for group in layer_groups(cut.back)] == [g for g in inside if g]


def test_the_trunk_is_left_as_it_was() -> None:
    trunk = trunk_of("timm/test_resnet").train()
    before = {name: value.clone() for name, value in trunk.state_dict().items()}
    split_trunk(trunk, images())
    assert all(module.training for module in trunk.modules())
    assert all(torch.equal(value, before[name]) for name, value in trunk.state_dict().items())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in trunk.modules())
    assert not any(isinstance(m, nn.Identity) and n == "conv1" for n, m in trunk.named_modules())


def test_a_network_that_computes_between_its_modules_is_not_cut_there() -> None:
    """A transformer adds the position embedding between its first modules."""
    assert split_trunk(trunk_of("timm/test_vit"), images(160)) == []


def test_what_is_added_in_place_behind_a_module_is_not_lost() -> None:
    class AddingInPlace(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second, self.third = (nn.Conv2d(3, 3, 1) for _ in range(3))

        def forward(self, x: Tensor) -> Tensor:
            y = self.second(self.first(x))
            y += 1
            output: Tensor = self.third(y)
            return output

    assert [cut.name for cut in split_trunk(AddingInPlace(), images())] == ["second"]


def test_a_module_that_comes_back_later_is_no_place_to_cut() -> None:
    class Returning(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Conv2d(3, 3, 1), nn.Conv2d(3, 3, 1)

        def forward(self, x: Tensor) -> Tensor:
            output: Tensor = self.first(self.second(self.first(x)))
            return output

    assert split_trunk(Returning(), images()) == []
