"""A short list of backbones over a range of cost, and why each is on it.

What is best depends on the images, so that none of these is *the* best: the list is what is worth trying.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommendation:
    """A backbone with its choice of weights, and what speaks for it.

    `image_size` is the side in px that `--backbone auto` takes where its own costs too much.
    """

    name: str
    why: str
    image_size: int | None = None


# In the order of what an image costs. The weights are pinned: a source's default changes over time.
RECOMMENDED: Final = (
    Recommendation(
        name="timm/tf_efficientnet_lite0.in1k",
        why="the default: fast, installed with training",
    ),
    Recommendation(
        name="timm/tf_efficientnet_lite1.in1k",
        why="larger than the default, installed with training",
    ),
    Recommendation(
        name="timm/tf_efficientnet_lite2.in1k",
        why="larger again, installed with training",
    ),
    Recommendation(
        name="timm/mobilenetv4_conv_medium.e500_r256_in1k",
        why="more accurate at the price of a mobile network",
    ),
    Recommendation(
        name="timm/resnet50.tv_in1k",
        why="what others are compared with; trained plainly, which transfers well",
    ),
    Recommendation(
        name="timm/convnext_tiny.in12k_ft_in1k",
        why="convolutions; pretrained on 12,000 classes",
    ),
    Recommendation(
        name="timm/vit_small_patch16_dinov3.lvd1689m",
        why="learned without labels; strong features; a licence of its own, read it",
    ),
    Recommendation(
        name="timm/tf_efficientnetv2_s.in21k_ft_in1k",
        why="pretrained on 21,000 classes; larger images",
    ),
    Recommendation(
        name="timm/vit_base_patch16_siglip_224.v2_webli",
        why="learned from pictures with texts; many kinds of images",
    ),
    Recommendation(
        name="timm/vit_small_patch14_dinov2.lvd142m",
        why="learned without labels; --image-size 224 has a fifth of the patches",
        image_size=224,
    ),
)
# For `--backbone auto --non-commercial`.
NON_COMMERCIAL: Final = (
    Recommendation(
        name="timm/convnextv2_tiny.fcmae_ft_in22k_in1k",
        why="convolutions; learned without labels first, then on 22,000 classes",
    ),
)
