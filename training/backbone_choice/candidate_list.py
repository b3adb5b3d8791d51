"""Which backbones are to be tried: those that were named, or the recommended ones."""

import shlex
from argparse import ArgumentTypeError
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from training.backbones.catalogue import find_backbone, licence_of
from training.backbones.licences import is_non_commercial
from training.backbones.recommended import NON_COMMERCIAL, RECOMMENDED, Recommendation
from training.config import FinetuneConfig
from training.errors import ConfigError
from training.option_values import parse_channels

# What a phrase may say beside the arguments of timm's builder.
_CHANNELS: Final = ("mean", "std")


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidateBackbone:
    """A backbone to try: its name, and the options of a run with it."""

    name: str
    config: FinetuneConfig

    @property
    def label(self) -> str:
        """What it is called in tables: no paths of this machine."""
        recorded = find_backbone(self.name).recorded
        weights = self.config.weights
        return recorded if weights == "auto" else f"{recorded} ({Path(weights).name})"


def list_candidates(config: FinetuneConfig) -> tuple[CandidateBackbone, ...]:
    """Return what `--candidates` names, or else the recommended backbones, the cheapest first.

    Those whose licence forbids commercial use are only among them if they were asked for.

    Raises:
        BackboneError: one that was named does not exist.
        ConfigError: what was said of one cannot be understood, or one was named twice.
    """
    if config.candidates:
        named = tuple(_read_phrase(phrase, config) for phrase in config.candidates)
        if len(set(config.candidates)) < len(named):
            raise ConfigError("--candidates names one backbone twice; leave one of them out")
        return named
    recommended = (*RECOMMENDED, *(NON_COMMERCIAL if config.non_commercial else ()))
    candidates = (_recommended(one, config) for one in recommended)
    return tuple(
        candidate
        for candidate in candidates
        if config.non_commercial or not is_non_commercial(licence_of(find_backbone(candidate.name)))
    )


def with_backbone(config: FinetuneConfig, name: str, **options: Any) -> FinetuneConfig:
    """Return the options of a run with one backbone in place of a choice."""
    nothing: dict[str, Any] = {"candidates": (), "max_ms": None, "max_mb": None}
    return replace(config, backbone=name, non_commercial=False, **(nothing | options))


def _recommended(one: Recommendation, config: FinetuneConfig) -> CandidateBackbone:
    size = config.image_size or one.image_size
    return CandidateBackbone(name=one.name, config=with_backbone(config, one.name, image_size=size))


def _read_phrase(phrase: str, config: FinetuneConfig) -> CandidateBackbone:
    """Read such as `mobilenetv2_100 weights=my.safetensors mean=0.5 std=0.5 pad_type=same`."""
    try:
        name, *words = shlex.split(phrase)
    except ValueError as err:
        raise ConfigError(f"candidate {phrase!r} is not NAME key=value …: {err}") from err
    find_backbone(name)
    options: dict[str, Any] = {}
    arguments: list[str] = []
    for word in words:
        key, separator, value = word.partition("=")
        if not separator:
            raise ConfigError(
                f"candidate {phrase!r}: {word!r} is not of the form key=value; candidates are set apart by "
                "blanks, and one with more than a name stands in quotes"
            )
        if key == "weights":
            options[key] = value
        elif key == "image_size":
            options[key] = _whole_number(phrase, value)
        elif key in _CHANNELS:
            options[key] = _channels(phrase, value)
        else:
            arguments.append(word)
    own = with_backbone(config, name, backbone_args=tuple(arguments), **options)
    return CandidateBackbone(name=name, config=own)


def _whole_number(phrase: str, value: str) -> int:
    try:
        return int(value)
    except ValueError as err:
        raise ConfigError(f"candidate {phrase!r}: image_size is a number of pixels") from err


def _channels(phrase: str, value: str) -> tuple[float, float, float]:
    try:
        return parse_channels(value)
    except ArgumentTypeError as err:
        raise ConfigError(f"candidate {phrase!r}: {err}") from err
