"""The options of a training run: one dataclass, from which the flags and the saved record both come."""

import dataclasses
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, get_args

from inference.decoding import OWN_FILES_LIMITS, DecodeLimits, limits_for
from inference.errors import InvalidName
from inference.names import check_model_name
from training.errors import ConfigError
from training.label_source import LabelSource
from training.option_field import option
from training.option_values import (
    RANGES,
    Precisions,
    check_range,
    parse_builder_args,
    parse_channels,
    parse_duration_s,
    parse_precisions,
)
from training.publish_name import data_title, derive_name

Preset = Literal["fast", "balanced", "best"]
Method = Literal["auto", "probe", "finetune", "scratch"]
Device = Literal["auto", "cpu", "cuda", "mps"]
FitOption = Literal["crop", "pad", "squash", "auto"]
HorizontalFlip = Literal["auto", "yes", "no"]
Leakage = Literal["error", "drop"]
MakeDefault = Literal["always", "better", "never"]
TrackerKind = Literal["auto", "tensorboard", "mlflow", "none"]
ProgressKind = Literal["text", "json"]

COMMAND: Final = "python -m training.finetune"
DEFAULT_BACKBONE: Final = "tf_efficientnet_lite0"
AUTO: Final = "auto"
WEIGHT_DECAY: Final = 0.05
# No part of what was trained.
_LOCAL: Final = "models_dir make_default cache_dir tracker progress dry_run fresh preset candidates"
# Options, and their fields, that only a choice of the backbone has, or only a given backbone.
_OF_AUTO: Final = {
    "--candidates": "candidates",
    "--max-ms": "max_ms",
    "--max-mb": "max_mb",
    "--non-commercial": "non_commercial",
}
_OF_ONE_BACKBONE: Final = {
    "--weights": "weights",
    "--backbone-args": "backbone_args",
    "--mean": "mean",
    "--std": "std",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FinetuneConfig:
    """Every option of `python -m training.finetune`, by section; each field is a flag of the same name."""

    data: Path = field(
        metadata={
            "help": "folder with one subfolder per class, or with train/, val/, test/ of such; or a zip or "
            "tar archive of one"
        }
    )
    labels: Path | None = option(
        "data",
        None,
        "CSV or JSON lines file with file_name,label (and sha256): labels in place of folder names, or "
        "corrections of them",
        shown="metadata.csv or metadata.jsonl in DATA, else folder names",
        parse=Path,
        metavar="FILE",
    )
    label_from: str | None = option(
        "data",
        None,
        "regular expression on a file's name (on its path, where it holds a slash); its first group is "
        "the label",
        metavar="REGEX",
    )
    min_images: int | None = option(
        "data",
        None,
        "leave classes of fewer readable images out, instead of stopping at those of none or one",
        parse=int,
        metavar="N",
    )
    max_pixels: int = option(
        "data",
        OWN_FILES_LIMITS.max_pixels,
        "leave images of more pixels out (the service: GRAFT_MAX_PIXELS, half as many); of a JPEG count "
        "those that are decoded of it (a photo of 200 million may be 3 million)",
        parse=int,
        metavar="N",
    )
    max_image_bytes: int = option(
        "data",
        OWN_FILES_LIMITS.max_bytes,
        "leave files of more bytes out (the service: GRAFT_MAX_IMAGE_BYTES, 16 MiB)",
        parse=int,
        metavar="N",
    )
    group_by: str | None = option(
        "data",
        None,
        "regular expression on a file's path; images with the same match (photos of one shoot) are "
        "kept in the same split",
        metavar="REGEX",
    )
    leakage: Leakage = option(
        "data",
        "error",
        "what to do where an image of train/ is also in val/ or test/: stop, or drop it from train",
        choices=get_args(Leakage),
    )
    allow_conflicts: bool = option(
        "data", False, "skip images that appear under two labels instead of stopping"
    )

    backbone: str = option(
        "model",
        DEFAULT_BACKBONE,
        "timm/NAME, torchvision/NAME, NAME, hf-hub:OWNER/NAME or a FOLDER with config.json (list: "
        "python -m training.backbones), or auto: several are tried on these images",
    )
    candidates: tuple[str, ...] = option(
        "model",
        (),
        "what --backbone auto may choose of, each a name, or in quotes a name with weights=FILE and other "
        "key=value of its own",
        shown="the recommended ones that can be had",
        words="NAME",
    )
    max_ms: float | None = option(
        "model",
        None,
        "of --backbone auto: leave out what takes longer for one image, measured on this machine's CPU",
        parse=float,
        metavar="MS",
    )
    max_mb: float | None = option(
        "model",
        None,
        "of --backbone auto: leave out what makes a larger model file",
        parse=float,
        metavar="MB",
    )
    non_commercial: bool = option(
        "model",
        False,
        "let --backbone auto try weights whose licence forbids commercial use, too",
    )
    backbone_args: tuple[str, ...] = option(
        "model",
        (),
        "arguments for building a timm backbone, as key=value (pad_type=same bn_eps=0.001)",
        words="KEY=VALUE",
    )
    weights: str = option(
        "model",
        "auto",
        "auto (pretrained), none (random), or a .safetensors/.pth FILE",
        metavar="WEIGHTS",
    )
    image_size: int | None = option(
        "model", None, "input side in px", shown="the weights' own", parse=int
    )
    mean: tuple[float, float, float] | None = option(
        "model", None, "channel means, 0..1", shown="the weights' own", parse=parse_channels
    )
    std: tuple[float, float, float] | None = option(
        "model",
        None,
        "channel standard deviations",
        shown="the weights' own",
        parse=parse_channels,
    )
    fit: FitOption = option(
        "model",
        "crop",
        "how a wide or tall photo becomes the input's square: crop (its centre), pad (all of it, with bars), "
        "squash (all of it, distorted), or auto (what cross-validation finds best)",
        choices=get_args(FitOption),
    )

    preset: Preset = option(
        "training",
        "fast",
        "fast (the default backbone's probe), balanced (--backbone auto and 10 minutes) or best (auto, an "
        "hour, and other precisions too); other options override it",
        choices=get_args(Preset),
    )
    method: Method = option(
        "training",
        "auto",
        "probe (frozen backbone, about a minute), finetune (all of it, starting from the probe), "
        "scratch (random weights); auto chooses",
        choices=get_args(Method),
    )
    epochs: float | None = option(
        "training",
        None,
        "epochs of training for finetune and scratch",
        shown="as many as the data need",
        parse=float,
    )
    time_budget: float | None = option(
        "training",
        None,
        "wall time of the whole run, such as 10m; what fits into it is planned and shown",
        shown="no limit",
        parse=parse_duration_s,
        metavar="TIME",
    )
    teacher: Path | None = option(
        "training",
        None,
        "a published model of the same labels, whose answers the new one learns from too, or auto: the "
        "best candidate of --backbone auto, where a cheaper one is chosen; kept only "
        "where that is better on all labelled images, cross-validated; one that was fine-tuned must not have "
        "seen the validation images (DATA has a val/)",
        parse=Path,
        metavar="MODEL",
    )
    unlabelled: Path | None = option(
        "training",
        None,
        "folder of images without labels; the new model learns what --teacher says of them",
        parse=Path,
        metavar="FOLDER",
    )
    batch_size: int = option("training", 32, "training images per step", parse=int)
    learning_rate: float | None = option(
        "training",
        None,
        "peak learning rate of the backbone's last layers",
        shown="a few are tried on long runs",
        parse=float,
    )
    weight_decay: float = option(
        "training", WEIGHT_DECAY, "AdamW weight decay (not on norms and biases)", parse=float
    )
    horizontal_flip: HorizontalFlip = option(
        "training",
        "auto",
        "augment with horizontal flips; auto does where the probe still recognises flipped images "
        "(of digits and letters it does not); from random weights there is no probe, and auto means no",
        choices=get_args(HorizontalFlip),
    )
    seed: int = option("training", 0, "seed of the split, the head and the augmentation", parse=int)
    device: Device = option("training", "auto", "where fine-tuning runs", choices=get_args(Device))

    name: str | None = option(
        "package", None, "name to publish under", shown="the data folder's name"
    )
    models_dir: Path = option("package", Path("models"), "the model repository", parse=Path)
    make_default: MakeDefault = option(
        "package",
        "better",
        "whether the new version becomes the one that answers by default: better does so unless it is "
        "worse on the same test images, by more than chance, than the one that answers now",
        choices=get_args(MakeDefault),
    )
    precisions: Precisions = option(
        "package",
        ("fp32",),
        "model files to try, such as fp32,bf16,int8; a faster one is published where it keeps the "
        "accuracy and is faster here",
        shown="fp32",
        parse=parse_precisions,
        metavar="LIST",
    )
    coverage: float | None = option(
        "package",
        None,
        "conformal prediction sets with this coverage, such as 0.9, are published too",
        parse=float,
    )
    no_similar: bool = option(
        "package",
        False,
        "leave the index of training images (their paths and embeddings) out of the package; "
        "python -m inference --similar needs it",
    )

    cache_dir: Path | None = option(
        "run",
        None,
        "where what makes the next run quicker, and checkpoints, are kept (see python -m training.caches)",
        shown="$XDG_CACHE_HOME/graft or ~/.cache/graft",
        parse=Path,
    )
    tracker: TrackerKind = option(
        "run",
        "auto",
        "where the metrics of fine-tuning are logged; auto: TensorBoard where it is installed",
        choices=get_args(TrackerKind),
    )
    progress: ProgressKind = option(
        "run",
        "text",
        "text for people, or json: one JSON object per line on stdout, for programs",
        choices=get_args(ProgressKind),
    )
    dry_run: bool = option("run", False, "read the data, measure, print the plan and stop")
    fresh: bool = option("run", False, "ignore the checkpoint of an unfinished run and start again")
    offline: bool = option("run", False, "download nothing; say what is missing")

    def __post_init__(self) -> None:
        if self.name is not None:
            try:
                check_model_name(self.name)
            except InvalidName as err:
                raise ConfigError(str(err)) from err
        for name in RANGES:
            check_range(name, getattr(self, name))
        if self.unlabelled is not None and self.teacher is None:
            raise ConfigError("--unlabelled needs a --teacher that answers for these images")
        if self.method == "scratch" and self.weights not in ("auto", "none"):
            raise ConfigError("method scratch starts from random weights; leave --weights out")
        if self.weights == "none" and self.method in ("probe", "finetune"):
            raise ConfigError(
                f"method {self.method} needs pretrained weights; use --method scratch with "
                "--weights none"
            )
        self._check_choice()
        self.builder_args()
        _ = self.decode_limits

    def _check_choice(self) -> None:
        if not self.chooses_backbone:
            for flag, given in _OF_AUTO.items():
                if getattr(self, given) not in (None, (), False):
                    raise ConfigError(
                        f"{flag} is of --backbone auto; add that, or leave {flag} out"
                    )
            return
        for name, limit in (("max_ms", self.max_ms), ("max_mb", self.max_mb)):
            if limit is not None and not 0 < limit < math.inf:
                raise ConfigError(f"{name} must be above 0, got {limit}")
        if self.method == "scratch" or self.weights == "none":
            raise ConfigError(
                "--backbone auto compares pretrained weights; name a backbone to start from random ones"
            )
        for flag, given in _OF_ONE_BACKBONE.items():
            if getattr(self, given) not in (None, (), "auto"):
                raise ConfigError(
                    f"{flag} is of one network, and --backbone auto tries several; give it within "
                    "--candidates (docs/backbones.md)"
                )

    @property
    def chooses_backbone(self) -> bool:
        """Whether the backbone is to be chosen by the images."""
        return self.backbone == AUTO

    @property
    def decode_limits(self) -> DecodeLimits:
        """The largest image that is read."""
        try:
            return limits_for(max_bytes=self.max_image_bytes, max_pixels=self.max_pixels)
        except ValueError as err:
            raise ConfigError(str(err)) from err

    @property
    def label_source(self) -> LabelSource:
        """Where labels come from, if not from folder names."""
        return LabelSource(labels=self.labels, label_from=self.label_from)

    @property
    def publish_name(self) -> str:
        """The name of the published model."""
        return self.name if self.name is not None else derive_name(data_title(self.data))

    @property
    def title(self) -> str | None:
        """What a person calls the data, where the name is made of it and cannot hold it."""
        title = data_title(self.data)
        return None if self.name is not None or title.isascii() else title

    def builder_args(self) -> dict[str, Any]:
        """Return `backbone_args` as keyword arguments, numbers and booleans read as such."""
        return parse_builder_args(self.backbone_args)

    def record(self) -> dict[str, Any]:
        """Return the options for the manifest: plain JSON, folders by their last name only."""
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        values["data"] = self.data.resolve().name
        values["labels"] = self.labels and self.labels.name
        values["teacher"] = self.teacher and "/".join(self.teacher.parts[-2:])
        values["unlabelled"] = self.unlabelled and self.unlabelled.resolve().name
        for name in _LOCAL.split():
            del values[name]
        if self.weights not in ("auto", "none"):
            values["weights"] = Path(self.weights).name
        if Path(self.backbone.removeprefix("local-dir:")).is_dir():
            values["backbone"] = f"local-dir:{Path(self.backbone.removeprefix('local-dir:')).name}"
        return {key: list(v) if isinstance(v, tuple) else v for key, v in values.items()}
