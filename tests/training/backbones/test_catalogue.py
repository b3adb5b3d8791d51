"""Finding a backbone by name, and listing them."""

import pytest

from training.backbones.__main__ import main
from training.backbones.catalogue import (
    FAMILIES,
    BackboneName,
    describe_backbone,
    find_backbone,
    licence_of,
    search_backbones,
)
from training.errors import BackboneError

pytestmark = pytest.mark.training


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("resnet18", "timm/resnet18"),
        ("timm/resnet18", "timm/resnet18"),
        ("torchvision/resnet18", "torchvision/resnet18"),
        ("googlenet", "torchvision/googlenet"),
        ("resnet18.a1_in1k", "timm/resnet18.a1_in1k"),
        ("lenet5", "graft/lenet5"),
        ("graft/small_cnn", "graft/small_cnn"),
    ],
)
def test_a_bare_name_is_timms_first_and_then_torchvisions(text: str, found: str) -> None:
    assert str(find_backbone(text)) == found


@pytest.mark.parametrize(
    ("text", "near"),
    [
        ("resnet19", "timm/resnet18, torchvision/resnet18"),
        ("torchvision/squeeznet1_1", "torchvision/squeezenet1_1"),
        ("mobilenet_v9", "torchvision/mobilenet_v2"),
        ("timm/googlenet", "torchvision/googlenet"),
    ],
)
def test_an_unknown_name_is_answered_with_near_ones(text: str, near: str) -> None:
    with pytest.raises(BackboneError, match="near names") as caught:
        find_backbone(text)
    assert repr(text) in str(caught.value)
    assert near in str(caught.value)


@pytest.mark.parametrize("text", ["zzzzqqqq", "", "/", "tensorflow/resnet50", "../resnet18"])
def test_what_is_near_nothing_is_answered_with_the_way_to_the_list(text: str) -> None:
    with pytest.raises(BackboneError, match=r"python -m training\.backbones"):
        find_backbone(text)


def test_every_family_that_is_listed_exists() -> None:
    assert [str(find_backbone(name)) for name in FAMILIES] == list(FAMILIES)


def test_a_pattern_matches_anywhere_and_a_shell_pattern_from_the_start() -> None:
    part = {str(b) for b in search_backbones("resnet18")}
    assert {"timm/resnet18", "timm/seresnet18", "torchvision/resnet18"} <= part
    assert {str(b) for b in search_backbones("torchvision/squeezenet*")} == {
        "torchvision/squeezenet1_0",
        "torchvision/squeezenet1_1",
    }


def test_a_backbone_is_described_by_size_input_and_licence() -> None:
    """11.7 million is what ResNet-18 has in every table."""
    for source in ("timm", "torchvision"):
        entry = describe_backbone(BackboneName(source=source, name="resnet18"))
        assert entry.num_params == 11_689_512
        assert entry.input_px == 224
        assert entry.pretrained
    assert licence_of(find_backbone("timm/resnet18.a1_in1k")) == "apache-2.0"
    assert licence_of(find_backbone("torchvision/resnet18")) == "bsd-3-clause"


def test_the_command_lists_what_matches(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["squeezenet"]) == 0
    header, *rows = capsys.readouterr().out.splitlines()
    assert header.split()[:3] == ["backbone", "params", "input"]
    assert [row.split()[0] for row in rows] == [
        "torchvision/squeezenet1_0",
        "torchvision/squeezenet1_1",
    ]


def test_the_command_lists_the_families_and_says_how_many_more(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main([]) == 0
    out = capsys.readouterr().out
    assert all(f"{name} " in out for name in FAMILIES)
    assert f"{len(search_backbones('*'))} in all" in out


def test_the_command_refuses_a_pattern_that_matches_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["zzzz*"]) == 2
    assert "'zzzz*'" in capsys.readouterr().err
