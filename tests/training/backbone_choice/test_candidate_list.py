"""What `--candidates` says, and what is tried without it."""

from pathlib import Path

import pytest

from training.backbone_choice.candidate_list import list_candidates
from training.backbones.recommended import NON_COMMERCIAL, RECOMMENDED
from training.config import FinetuneConfig
from training.errors import BackboneError, ConfigError

pytestmark = pytest.mark.training


def config(*candidates: str, non_commercial: bool = False) -> FinetuneConfig:
    return FinetuneConfig(
        data=Path("photos"),
        backbone="auto",
        candidates=candidates,
        non_commercial=non_commercial,
    )


def test_a_phrase_has_the_options_of_its_network() -> None:
    plain, own = list_candidates(
        config(
            "resnet18", "mobilenetv2_100 weights='my dogs.pth' mean=0.5 std=0.4,0.5,0.6 bn_eps=0.1"
        )
    )
    assert plain.config == FinetuneConfig(data=Path("photos"), backbone="resnet18")
    assert own.config.weights == "my dogs.pth"
    assert own.config.mean == (0.5, 0.5, 0.5)
    assert own.config.std == (0.4, 0.5, 0.6)
    assert own.config.builder_args() == {"bn_eps": 0.1}
    assert own.label == "timm/mobilenetv2_100 (my dogs.pth)"


def test_weights_that_forbid_commercial_use_are_tried_where_they_were_asked_for() -> None:
    free = [one.name for one in list_candidates(config())]
    every = [one.name for one in list_candidates(config(non_commercial=True))]
    assert free == [one.name for one in RECOMMENDED]
    assert every == free + [one.name for one in NON_COMMERCIAL]


@pytest.mark.parametrize(
    ("phrase", "message"),
    [
        ("resnet18 small", "key=value"),
        ("resnet18 'open", "key=value"),
        ("resnet18 mean=bright", "mean|number"),
        ("resnet18 image_size=big", "image_size"),
        ("", "key=value"),
    ],
)
def test_a_phrase_that_cannot_be_read_is_refused(phrase: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        list_candidates(config(phrase))


def test_a_name_that_does_not_exist_is_refused_with_near_ones() -> None:
    with pytest.raises(BackboneError, match="efficientnet_lite0"):
        list_candidates(config("tf_eficientnet_lite0"))
