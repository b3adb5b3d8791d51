"""`--preset`: several options by one word."""

import pytest

from training.command_options import parse_config
from training.errors import ConfigError

pytestmark = pytest.mark.training


def test_a_preset_sets_backbone_time_and_files() -> None:
    best = parse_config(["photos", "--preset", "best"])
    assert best.chooses_backbone
    assert best.time_budget == 3600
    assert best.precisions == ("fp32", "fp16", "int8", "bf16")
    balanced = parse_config(["photos", "--preset", "balanced"])
    assert balanced.time_budget == 600
    assert balanced.precisions == ("fp32",)


def test_fast_is_what_no_preset_is() -> None:
    assert parse_config(["photos", "--preset", "fast"]) == parse_config(["photos"])


def test_what_is_typed_overrides_the_preset() -> None:
    typed = ("--backbone", "resnet18", "--time-budget", "1m")
    config = parse_config(["photos", "--preset", "best", *typed])
    assert config.backbone == "resnet18"
    assert config.time_budget == 60
    assert config.precisions == ("fp32", "fp16", "int8", "bf16")


def test_weights_of_one_network_are_of_the_default_one_with_a_preset_too() -> None:
    config = parse_config(["photos", "--preset", "balanced", "--weights", "mine.safetensors"])
    assert not config.chooses_backbone
    assert config.time_budget == 600


@pytest.mark.parametrize(
    "typed",
    [
        ("--backbone", "auto", "--weights", "mine.safetensors"),
        ("--backbone", "auto", "--method", "scratch"),
        ("--backbone", "auto", "--max-ms", "0"),
        ("--backbone", "resnet18", "--candidates", "resnet34"),
        ("--max-mb", "5"),
    ],
)
def test_options_of_a_choice_and_of_one_network_are_not_mixed(typed: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError):
        parse_config(["photos", *typed])


def test_naming_candidates_is_asking_for_a_choice() -> None:
    config = parse_config(["photos", "--candidates", "resnet18", "resnet34", "--offline"])
    assert config.chooses_backbone
    assert config.candidates == ("resnet18", "resnet34")
