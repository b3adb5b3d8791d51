"""temporary"""

from torch import nn


def layer_groups(trunk: nn.Module) -> list[list[tuple[str, nn.Parameter]]]:
    """Temporary."""
    groups: dict[str, list[tuple[str, nn.Parameter]]] = {}
    for name, p in trunk.named_parameters():
        parts = name.split(".")
        key = ".".join(parts[:2]) if parts[0] in ("blocks", "features", "stages") else parts[0]
        groups.setdefault(key, []).append((name, p))
    return list(groups.values())
