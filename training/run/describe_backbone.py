"""What a run says of the backbone that it uses."""

from training.backbones.backbone_facts import BackboneFacts
from training.backbones.licences import licence_warning
from training.runtime.progress import Display


def describe_backbone(backbone: BackboneFacts, display: Display) -> None:
    """Say which network it is, and what its weights' licence forbids."""
    info = backbone.info
    weights = (
        "randomly initialised"
        if info.weights == "none"
        else f"weights {info.weights} (licence {info.licence})"
    )
    display.line(
        f"backbone {info.name}, {info.num_params / 1e6:.1f} M parameters, {weights}, "
        f"input {backbone.spec.crop_hw[1]} px"
    )
    if warning := licence_warning(info):
        display.warning(warning)
    if backbone.unused:
        display.line(f"dropped from the weights file: {', '.join(backbone.unused[:6])}")
