"""Finding a backbone by name, and listing them."""

import re
from pathlib import Path

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
from training.backbones.recommended import RECOMMENDED
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
        ("torchvision/resnet50.IMAGENET1K_V1", "torchvision/resnet50.IMAGENET1K_V1"),
        ("hf-hub:timm/resnet18.a1_in1k@main", "hf-hub:timm/resnet18.a1_in1k@main"),
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


@pytest.mark.parametrize("text", ["zzzzqqqq", "", "tensorflow/resnet50", "../resnet18"])
def test_what_is_near_nothing_is_answered_with_the_way_to_the_list(text: str) -> None:
    with pytest.raises(BackboneError, match=r"python -m training\.backbones"):
        find_backbone(text)


def test_an_owner_of_the_hub_is_answered_with_the_way_to_name_one() -> None:
    with pytest.raises(BackboneError, match=r"hub: hf-hub:facebook/dinov2-small"):
        find_backbone("facebook/dinov2-small")


@pytest.mark.parametrize(
    ("text", "there"),
    [
        ("resnet18.a1_in21k", "a1_in1k"),
        ("torchvision/resnet50.IMAGENET1K_V3", "IMAGENET1K_V2"),
    ],
)
def test_weights_that_a_network_does_not_have_are_answered_with_those_it_has(
    text: str, there: str
) -> None:
    with pytest.raises(BackboneError, match=f"has no weights '.*'; nearest: .*{there}"):
        find_backbone(text)


@pytest.mark.parametrize("text", ["hf-hub:", "hf-hub:resnet18", "hf-hub:a/b/c", "hf-hub:/b"])
def test_a_name_that_cannot_be_one_of_the_hub_is_refused_with_the_form(text: str) -> None:
    with pytest.raises(BackboneError, match="hf-hub:OWNER/NAME"):
        find_backbone(text)


def test_a_folder_without_a_configuration_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BackboneError, match=r"has no config\.json"):
        find_backbone(str(tmp_path))


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
    swag = find_backbone("torchvision/vit_b_16.IMAGENET1K_SWAG_LINEAR_V1")
    assert licence_of(swag) == "cc-by-nc-4.0"


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


def test_the_command_answers_a_mistyped_family_with_its_first_members(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["efficentnet"]) == 2
    assert "near names: timm/efficientnet_b0" in capsys.readouterr().err


def test_the_command_recommends_a_few_with_size_licence_and_reason(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["--recommended"]) == 0
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("timm/")]
    assert [row.split()[0] for row in rows] == [r.name for r in RECOMMENDED]
    assert all(" MB " in row for row in rows)
    assert rows[0].split()[1:6] == ["4.7", "M", "19", "MB", "224"]
    assert not any("not stated" in row or "-nc-" in row for row in rows)


def test_the_command_summarises_layers_shapes_and_parameters(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The trunk of ResNet-18: 11.7 million weights less the head's 513,000."""
    assert main(["torchvision/resnet18.IMAGENET1K_V1", "--summary", "--image-size", "64"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"BasicBlock: 2-8 +\[1, 512, 2, 2\] +4,720,640", out)
    assert "Total params: 11,176,512" in out
    assert "embedding: 512 values" in out
    assert "activation map: averaging layer4" in out
    assert "licence of the weights: bsd-3-clause" in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["--summary"], "needs a backbone"), (["resnet81", "--summary"], "timm/resnet18")],
)
def test_the_command_refuses_a_summary_of_nothing(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert said in capsys.readouterr().err


def test_auto_in_another_case_is_told_apart_from_a_name() -> None:
    with pytest.raises(BackboneError, match="did you mean --backbone auto"):
        find_backbone("Auto")
