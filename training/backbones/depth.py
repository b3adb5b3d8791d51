"""The layers of a trunk from its input to its output, for rates that fall with the depth."""

from torch import nn

# Containers whose parts are layers of their own; anything else at the top is one layer.
_CONTAINERS = ("blocks", "features", "layers", "stages")

LayerGroup = list[tuple[str, nn.Parameter]]


def layer_groups(trunk: nn.Module) -> list[LayerGroup]:
    """Return every parameter once, with its name, in groups from input to output.

    Modules are taken in the order in which the network registers them, which for the networks of timm
    and torchvision is that of the forward pass.
    """
    groups: dict[str, LayerGroup] = {}
    for name, parameter in trunk.named_parameters():
        parts = name.split(".")
        depth = 2 if parts[0] in _CONTAINERS else 1
        groups.setdefault(".".join(parts[:depth]), []).append((name, parameter))
    return list(groups.values())
