"""The layers of a trunk from its input to its output, for rates that fall with the depth."""

from typing import Any, Final

from timm.models import group_parameters
from torch import nn

LayerGroup = list[tuple[str, nn.Parameter]]

# The twelve blocks of the usual vision transformers and what is before them. Deeper networks are
# grouped more coarsely, so that one decay a group means about the same for all of them.
MAX_GROUPS: Final = 13
# A network that does not name its stages is opened until it has this many parts.
_MIN_PARTS: Final = 4


def layer_groups(trunk: nn.Module) -> list[LayerGroup]:
    """Return every parameter once, with its name, in at most `MAX_GROUPS` groups from input to output.

    A group is a stage, as timm's networks name them (`group_matcher`); otherwise a part of the network,
    in the order in which it registers them, which for torchvision's is that of the forward pass. Where
    there are too many, neighbours are put together.
    """
    return _merged(_named_stages(trunk) or _parts(trunk))


def _named_stages(trunk: Any) -> list[LayerGroup]:
    """Return the stages that a timm network names, or none."""
    try:
        matcher = trunk.group_matcher(coarse=True)
    except (
        AttributeError,
        AssertionError,
    ):  # a few of timm's networks name blocks only, or nothing
        return []
    parameters = dict(trunk.named_parameters())
    names_by_stage: dict[int, list[str]] = group_parameters(trunk, matcher)
    return [
        [(name, parameters[name]) for name in names] for _, names in sorted(names_by_stage.items())
    ]


def _parts(trunk: nn.Module) -> list[LayerGroup]:
    """Open the largest part of a network again and again, until there are some."""
    parts: dict[str, LayerGroup] = {"": list(trunk.named_parameters())}
    while len(_joined(parts)) < _MIN_PARTS:
        openable = [prefix for prefix, part in parts.items() if _has_modules(prefix, part)]
        if not openable:
            break
        largest = max(openable, key=lambda prefix: sum(p.numel() for _, p in parts[prefix]))
        opened = _opened(largest, parts[largest])
        parts = {
            name: group
            for prefix, whole in parts.items()
            for name, group in (opened.items() if prefix == largest else [(prefix, whole)])
        }
    return _joined(parts)


def _has_modules(prefix: str, part: LayerGroup) -> bool:
    return any("." in name.removeprefix(prefix) for name, _ in part)


def _opened(prefix: str, part: LayerGroup) -> dict[str, LayerGroup]:
    """Split parameters by the next piece of their names."""
    opened: dict[str, LayerGroup] = {}
    for name, parameter in part:
        piece = name.removeprefix(prefix).split(".")[0]
        opened.setdefault(f"{prefix}{piece}.", []).append((name, parameter))
    return opened


def _joined(parts: dict[str, LayerGroup]) -> list[LayerGroup]:
    """Give norms, biases and bare parameters (a position embedding) to the part before them."""
    groups: list[LayerGroup] = []
    for prefix, part in parts.items():
        no_layer = all(p.ndim < 2 or f"{name}." == prefix for name, p in part)
        if groups and no_layer:
            groups[-1] = groups[-1] + part
        elif part:
            groups.append(part)
    return groups


def _merged(groups: list[LayerGroup]) -> list[LayerGroup]:
    """Put neighbours together, evenly, where there are more than `MAX_GROUPS`."""
    num_groups = min(len(groups), MAX_GROUPS)
    merged: list[LayerGroup] = [[] for _ in range(num_groups)]
    for i, group in enumerate(groups):
        merged[i * num_groups // len(groups)] += group
    return merged
