"""The options: their flags, their limits, and the record of them."""

import argparse
import json
from pathlib import Path

import pytest

from training.command_options import build_parser, parse_config
from training.config import FinetuneConfig
from training.errors import ConfigError
from training.option_values import parse_channels, parse_duration_s

pytestmark = pytest.mark.training

FLAGS = {
    "--label-from",
    "--labels",
    "--max-image-bytes",
    "--max-pixels",
    "--min-images",
    "--backbone",
    "--backbone-args",
    "--candidates",
    "--max-mb",
    "--max-ms",
    "--non-commercial",
    "--preset",
    "--batch-size",
    "--device",
    "--dry-run",
    "--epochs",
    "--fit",
    "--fresh",
    "--help",
    "--group-by",
    "--leakage",
    "--make-default",
    "--allow-conflicts",
    "--cache-dir",
    "--coverage",
    "--image-size",
    "--learning-rate",
    "--mean",
    "--method",
    "--horizontal-flip",
    "--models-dir",
    "--name",
    "--no-similar",
    "--offline",
    "--precisions",
    "--progress",
    "--seed",
    "--std",
    "--teacher",
    "--time-budget",
    "--tracker",
    "--unlabelled",
    "--weight-decay",
    "--weights",
}


def test_the_flags_are_these_and_no_others() -> None:
    """A flag is a promise: adding or dropping one is to be noticed."""
    options = build_parser()._option_string_actions
    assert {name for name in options if name.startswith("--")} == FLAGS


def test_the_command_line_fills_the_config() -> None:
    """Each kind of flag arrives as the type of its field."""
    config = parse_config(
        [
            "photos",
            "--name",
            "cats",
            "--time-budget",
            "1.5m",
            "--mean",
            "0.5",
            "--std",
            "0.2,0.3,0.4",
            "--offline",
            "--backbone-args",
            "pad_type=same",
            "bn_eps=0.001",
            "groups=2",
            "aa=False",
        ]
    )
    assert config.data == Path("photos")
    assert config.time_budget == 90
    assert (config.mean, config.std) == ((0.5, 0.5, 0.5), (0.2, 0.3, 0.4))
    assert config.offline
    expected = {"pad_type": "same", "bn_eps": 0.001, "groups": 2, "aa": False}
    assert config.builder_args() == expected


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("10m", 600), ("1.5h", 5400), (" 2 M ", 120)]
)
def test_a_duration_has_a_unit(text: str, seconds: float) -> None:
    assert parse_duration_s(text) == seconds


@pytest.mark.parametrize("text", ["", "0", "0s", "-5m", "10 minutes", "1:30", "m"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="no duration"):
        parse_duration_s(text)


@pytest.mark.parametrize("text", ["10", "90", "1.5 "])
def test_a_duration_without_a_unit_is_asked_for_it(text: str) -> None:
    """Ten seconds or ten minutes: nobody knows."""
    number = text.strip()
    with pytest.raises(argparse.ArgumentTypeError) as refused:
        parse_duration_s(text)
    assert str(refused.value).endswith(f"has no unit; write {number}s, {number}m or {number}h")


@pytest.mark.parametrize("text", ["", "a", "0.5,0.5", "1,2,3,4", "nan", "inf,0,0"])
def test_channels_are_one_number_or_three(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="three with commas"):
        parse_channels(text)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"epochs": 0}, "--epochs must"),
        ({"batch_size": 0}, "--batch-size must"),
        ({"learning_rate": 0.0}, "--learning-rate must"),
        ({"learning_rate": float("nan")}, "--learning-rate must"),
        ({"weight_decay": 1.0}, "--weight-decay must"),
        ({"image_size": 15}, "--image-size must"),
        ({"image_size": 2049}, "--image-size must"),
        ({"std": (0.5, 0.0, 0.5)}, "--std must"),
        ({"std": (58.4, 57.1, 57.4)}, "divided by 255"),
        ({"mean": (123.7, 116.3, 103.5)}, "divided by 255"),
        ({"seed": -1}, "--seed must be 0 to"),
        ({"max_pixels": 0}, "--max-pixels must be 1 or more"),
        ({"name": "../x"}, "not allowed"),
        ({"name": "한글"}, "not allowed"),
        ({"name": ""}, "not allowed"),
        ({"backbone_args": ("pad_type",)}, "key=value"),
        ({"backbone_args": ("a-b=1",)}, "key=value"),
    ],
)
def test_an_option_out_of_range_is_refused_by_name(options: dict[str, object], named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        FinetuneConfig(data=Path("photos"), **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"method": "scratch", "weights": "file.pth"}, "--weights"),
        ({"method": "probe", "weights": "none"}, "--method scratch"),
        ({"method": "finetune", "weights": "none"}, "--method scratch"),
    ],
)
def test_options_that_contradict_each_other_are_refused(
    options: dict[str, object], named: str
) -> None:
    """Training from scratch and pretrained weights exclude each other."""
    with pytest.raises(ConfigError, match=named):
        FinetuneConfig(data=Path("photos"), **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("photos", "photos"),
        ("my photos (2)", "my-photos-2-"),
        ("가수 사진", "gasu-sajin-2ad427"),
        ("가수 photos", "gasu-photos-c95c34"),
        ("..hidden", "hidden"),
        ("x" * 90, "x" * 64),
    ],
)
def test_the_data_folders_name_becomes_an_allowed_name(folder: str, name: str) -> None:
    """Without --name the folder's own name serves, as far as it is allowed."""
    found = FinetuneConfig(data=Path("/data") / folder).publish_name
    assert found == name
    FinetuneConfig(data=Path("photos"), name=found)  # is allowed


def test_a_given_name_wins() -> None:
    assert FinetuneConfig(data=Path("photos"), name="cats").publish_name == "cats"


def test_the_record_is_plain_json_and_names_no_folder() -> None:
    """The record travels with the package: no path of this machine may be in it."""
    config = FinetuneConfig(
        data=Path("/home/someone/photos"),
        weights="/home/someone/weights/resnet.pth",
        models_dir=Path("/srv/private/models"),
        backbone_args=("pad_type=same",),
        mean=(0.5, 0.5, 0.5),
    )
    record = config.record()
    text = json.dumps(record)
    assert "someone" not in text
    assert "private" not in text
    assert record["data"] == "photos"
    assert record["weights"] == "resnet.pth"
    assert json.loads(text) == record
