"""The options of a training run: one dataclass, from which the flags and the saved record both come."""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, get_args

from inference.decoding import DEFAULT_LIMITS, DecodeLimits, limits_for
from inference.errors import InvalidName, UsageError
from inference.names import check_model_name
from inference.option_parser import OptionParser
from training.errors import ConfigError
from training.label_source import LabelSource
from training.option_values import (
    Precisions,
    parse_builder_args,
    parse_channels,
    parse_duration_s,
    parse_precisions,
)
from training.publish_name import data_title, derive_name

Method = Literal["auto", "probe", "finetune", "scratch"]
Device = Literal["auto", "cpu", "cuda"]
FitOption = Literal["crop", "pad", "squash"]
HorizontalFlip = Literal["auto", "yes", "no"]
Leakage = Literal["error", "drop"]
MakeDefault = Literal["always", "better", "never"]
TrackerKind = Literal["tensorboard", "mlflow", "none"]
ProgressKind = Literal["text", "json"]

COMMAND: Final = "python -m training.finetune"
DEFAULT_BACKBONE: Final = "tf_efficientnet_lite0"
WEIGHT_DECAY: Final = 0.05
# No part of what was trained.
_LOCAL: Final = "models_dir make_default cache_dir tracker progress dry_run fresh"

Section = Literal["data", "model", "training", "package", "run"]
_SECTIONS: Final[Mapping[Section, str]] = {
    "data": "the images and their split",
    "model": "the network and its input",
    "training": "how it is trained",
    "package": "what is published",
    "run": "how the run behaves",
}


def _option(
    section: Section,
    default: Any,
    text: str,
    *,
    shown: str | None = None,
    parse: Callable[[str], Any] | None = None,
    choices: tuple[str, ...] | None = None,
    metavar: str | None = None,
) -> Any:
    """Return a field that is a flag; `shown` is the default in words, where the value says nothing."""
    metadata = {
        "section": section,
        "help": text,
        "shown": shown,
        "parse": parse,
        "choices": choices,
        "metavar": metavar,
    }
    return field(default=default, metadata=metadata)


@dataclass(frozen=True, slots=True, kw_only=True)
class FinetuneConfig:
    """Every option of `python -m training.finetune`, by section; each field is a flag of the same name."""

    data: Path = field(
        metadata={
            "help": "folder with one subfolder per class, or with train/, val/, test/ of such; or a zip or "
            "tar archive of one"
        }
    )
    labels: Path | None = _option(
        "data",
        None,
        "CSV or JSON lines file with file_name,label (and sha256): labels in place of folder names, or "
        "corrections of them",
        shown="metadata.csv or metadata.jsonl in DATA, else folder names",
        parse=Path,
        metavar="FILE",
    )
    label_from: str | None = _option(
        "data",
        None,
        "regular expression on a file's name (on its path, where it holds a slash); its first group is "
        "the label",
        metavar="REGEX",
    )
    min_images: int | None = _option(
        "data",
        None,
        "leave classes of fewer readable images out, instead of stopping at those of none or one",
        parse=int,
        metavar="N",
    )
    max_pixels: int = _option(
        "data",
        DEFAULT_LIMITS.max_pixels,
        "leave larger images out, as GRAFT_MAX_PIXELS of the service; of a JPEG count those that are "
        "decoded of it (a photo of 200 million may be 3 million)",
        parse=int,
        metavar="N",
    )
    max_image_bytes: int = _option(
        "data",
        DEFAULT_LIMITS.max_bytes,
        "leave files of more bytes out, as GRAFT_MAX_IMAGE_BYTES of the service",
        parse=int,
        metavar="N",
    )
    group_by: str | None = _option(
        "data",
        None,
        "regular expression on a file's path; images with the same match (photos of one shoot) are "
        "kept in the same split",
        metavar="REGEX",
    )
    leakage: Leakage = _option(
        "data",
        "error",
        "what to do where an image of train/ is also in val/ or test/: stop, or drop it from train",
        choices=get_args(Leakage),
    )
    allow_conflicts: bool = _option(
        "data", False, "skip images that appear under two labels instead of stopping"
    )

    backbone: str = _option(
        "model",
        DEFAULT_BACKBONE,
        "timm/NAME, torchvision/NAME, NAME, hf-hub:OWNER/NAME or a FOLDER with config.json; list: "
        "python -m training.backbones",
    )
    backbone_args: tuple[str, ...] = _option(
        "model",
        (),
        "arguments for building a timm backbone, as key=value (pad_type=same bn_eps=0.001)",
    )
    weights: str = _option(
        "model",
        "auto",
        "auto (pretrained), none (random), or a .safetensors/.pth FILE",
        metavar="WEIGHTS",
    )
    image_size: int | None = _option(
        "model", None, "input side in px", shown="the weights' own", parse=int
    )
    mean: tuple[float, float, float] | None = _option(
        "model", None, "channel means, 0..1", shown="the weights' own", parse=parse_channels
    )
    std: tuple[float, float, float] | None = _option(
        "model",
        None,
        "channel standard deviations",
        shown="the weights' own",
        parse=parse_channels,
    )
    fit: FitOption = _option(
        "model",
        "crop",
        "how a wide or tall photo becomes the input's square: crop (its centre), pad (all of it, with bars) "
        "or squash (all of it, distorted)",
        choices=get_args(FitOption),
    )

    method: Method = _option(
        "training",
        "auto",
        "probe (frozen backbone, about a minute), finetune (all of it, starting from the probe), "
        "scratch (random weights); auto chooses",
        choices=get_args(Method),
    )
    epochs: float | None = _option(
        "training",
        None,
        "epochs of training for finetune and scratch",
        shown="as many as the data need",
        parse=float,
    )
    time_budget: float | None = _option(
        "training",
        None,
        "wall time of the whole run, such as 10m; what fits into it is planned and shown",
        shown="no limit",
        parse=parse_duration_s,
        metavar="TIME",
    )
    batch_size: int = _option("training", 32, "training images per step", parse=int)
    learning_rate: float | None = _option(
        "training",
        None,
        "peak learning rate of the backbone's last layers",
        shown="a few are tried on long runs",
        parse=float,
    )
    weight_decay: float = _option(
        "training", WEIGHT_DECAY, "AdamW weight decay (not on norms and biases)", parse=float
    )
    horizontal_flip: HorizontalFlip = _option(
        "training",
        "auto",
        "augment with horizontal flips; auto does where the probe still recognises flipped images "
        "(of digits and letters it does not)",
        choices=get_args(HorizontalFlip),
    )
    seed: int = _option(
        "training", 0, "seed of the split, the head and the augmentation", parse=int
    )
    device: Device = _option("training", "auto", "where fine-tuning runs", choices=get_args(Device))

    name: str | None = _option(
        "package", None, "name to publish under", shown="the data folder's name"
    )
    models_dir: Path = _option("package", Path("models"), "the model repository", parse=Path)
    make_default: MakeDefault = _option(
        "package",
        "better",
        "whether the new version becomes the one that answers by default: better does so unless it is "
        "worse on the same test images, by more than chance, than the one that answers now",
        choices=get_args(MakeDefault),
    )
    precisions: Precisions = _option(
        "package",
        ("fp32",),
        "model files to try, such as fp32,fp16,int8; a smaller one is published where it keeps the "
        "accuracy and is faster here",
        shown="fp32",
        parse=parse_precisions,
        metavar="LIST",
    )
    coverage: float | None = _option(
        "package",
        None,
        "conformal prediction sets with this coverage, such as 0.9, are published too",
        parse=float,
    )
    no_similar: bool = _option(
        "package",
        False,
        "leave the index of training images (their paths and embeddings) out of the package; "
        "python -m inference --similar needs it",
    )

    cache_dir: Path | None = _option(
        "run",
        None,
        "where decoded pixels and checkpoints are kept",
        shown="the user's cache folder",
        parse=Path,
    )
    tracker: TrackerKind = _option(
        "run",
        "tensorboard",
        "where the metrics of fine-tuning are logged; mlflow must be installed",
        choices=get_args(TrackerKind),
    )
    progress: ProgressKind = _option(
        "run",
        "text",
        "text for people, or json: one JSON object per line on stdout, for programs",
        choices=get_args(ProgressKind),
    )
    dry_run: bool = _option("run", False, "read the data, measure, print the plan and stop")
    fresh: bool = _option(
        "run", False, "ignore the checkpoint of an unfinished run and start again"
    )
    offline: bool = _option("run", False, "download nothing; say what is missing")

    def __post_init__(self) -> None:
        if self.name is not None:
            try:
                check_model_name(self.name)
            except InvalidName as err:
                raise ConfigError(str(err)) from err
        if self.min_images is not None and self.min_images < 1:
            raise ConfigError(f"min_images must be 1 or more, got {self.min_images}")
        if self.batch_size < 1:
            raise ConfigError(f"batch_size must be 1 or more, got {self.batch_size}")
        if self.epochs is not None and not 0 < self.epochs <= 10_000:
            raise ConfigError(f"epochs must be above 0 and at most 10000, got {self.epochs}")
        if self.learning_rate is not None and not 0 < self.learning_rate < 10:
            raise ConfigError(f"learning_rate must be between 0 and 10, got {self.learning_rate}")
        if not 0 <= self.weight_decay < 1:
            raise ConfigError(f"weight_decay must be 0 to below 1, got {self.weight_decay}")
        if self.image_size is not None and not 16 <= self.image_size <= 2048:
            raise ConfigError(f"image_size must be 16 to 2048 px, got {self.image_size}")
        if self.std is not None and min(self.std) <= 0:
            raise ConfigError(f"std must be positive, got {self.std}")
        if self.coverage is not None and not 0 < self.coverage < 1:
            raise ConfigError(f"coverage must be between 0 and 1, got {self.coverage}")
        if self.method == "scratch" and self.weights not in ("auto", "none"):
            raise ConfigError("method scratch starts from random weights; leave --weights out")
        if self.weights == "none" and self.method in ("probe", "finetune"):
            raise ConfigError(
                f"method {self.method} needs pretrained weights; use --method scratch with "
                "--weights none"
            )
        self.builder_args()
        _ = self.decode_limits

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
        for name in _LOCAL.split():
            del values[name]
        if self.weights not in ("auto", "none"):
            values["weights"] = Path(self.weights).name
        if Path(self.backbone.removeprefix("local-dir:")).is_dir():
            values["backbone"] = f"local-dir:{Path(self.backbone.removeprefix('local-dir:')).name}"
        return {key: list(v) if isinstance(v, tuple) else v for key, v in values.items()}


def build_parser(prog: str = COMMAND) -> OptionParser:
    """Return the command line: one flag for each field of `FinetuneConfig`, in groups by section."""
    parser = OptionParser(
        prog=prog,
        usage=f"{prog} DATA [options]",
        description="Fine-tune a pretrained backbone on a folder of images and publish it as ONNX.",
    )
    groups = {key: parser.add_argument_group(title) for key, title in _SECTIONS.items()}
    for option in dataclasses.fields(FinetuneConfig):
        if option.name == "data":
            parser.add_argument("data", type=Path, metavar="DATA", help=option.metadata["help"])
            continue
        flag = f"--{option.name.replace('_', '-')}"
        groups[option.metadata["section"]].add_argument(flag, **_argument(option))
    return parser


def _argument(option: dataclasses.Field[Any]) -> dict[str, Any]:
    """Return what `add_argument` takes for a field."""
    metadata, default = option.metadata, option.default
    shown = metadata["shown"]
    if shown is None and default is not None and default is not False and default != ():
        shown = str(default)
    text = metadata["help"] + ("" if shown is None else f" (default: {shown})")
    arguments: dict[str, Any] = {"default": default, "help": text}
    if option.type is bool:
        return arguments | {"action": "store_true"}
    if option.name == "backbone_args":
        return arguments | {"nargs": "+", "metavar": "KEY=VALUE"}
    return arguments | {
        "type": metadata["parse"] or str,
        "choices": metadata["choices"],
        "metavar": metadata["metavar"],
    }


def parse_config(argv: list[str] | None, *, prog: str = COMMAND) -> FinetuneConfig:
    """Read the command line.

    Raises:
        ConfigError: there is no such option, or its value is not allowed.
        SystemExit: for `--help`.
    """
    try:
        values = vars(build_parser(prog).parse_args(argv))
    except UsageError as err:
        raise ConfigError(str(err)) from err
    values["backbone_args"] = tuple(values["backbone_args"])
    return FinetuneConfig(**values)
