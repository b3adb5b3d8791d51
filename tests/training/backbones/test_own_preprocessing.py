"""The preprocessing of pretrained weights is that of their own configuration."""

import pytest
import torch

from training.backbones.catalogue import bare_network, find_backbone
from training.backbones.own_preprocessing import own_preprocessing

pytestmark = pytest.mark.training

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


# As timm's table of weights and torchvision's documentation have them.
@pytest.mark.parametrize(
    ("name", "resized_px", "interpolation"),
    [
        ("timm/resnet18.a1_in1k", 235, "bicubic"),
        ("timm/resnet18.tv_in1k", 256, "bilinear"),
        ("timm/resnet50.a1_in1k", 235, "bicubic"),
        ("timm/resnet50.tv_in1k", 256, "bilinear"),
        ("timm/vgg16.tv_in1k", 256, "bilinear"),
        ("timm/vgg16_bn.tv_in1k", 256, "bilinear"),
        ("timm/mobilenetv2_100.ra_in1k", 256, "bicubic"),
        ("timm/mobilenetv3_large_100.ra_in1k", 256, "bicubic"),
        ("timm/mobilenetv3_small_100.lamb_in1k", 256, "bicubic"),
        ("torchvision/resnet18", 256, "bilinear"),
        ("torchvision/resnet50", 232, "bilinear"),
        ("torchvision/resnet50.IMAGENET1K_V2", 232, "bilinear"),
        ("torchvision/resnet50.IMAGENET1K_V1", 256, "bilinear"),
        ("torchvision/vgg16", 256, "bilinear"),
        ("torchvision/vgg16_bn", 256, "bilinear"),
        ("torchvision/mobilenet_v2", 232, "bilinear"),
        ("torchvision/mobilenet_v2.IMAGENET1K_V1", 256, "bilinear"),
        ("torchvision/mobilenet_v3_large", 232, "bilinear"),
        ("torchvision/mobilenet_v3_large.IMAGENET1K_V1", 256, "bilinear"),
        ("torchvision/mobilenet_v3_small", 256, "bilinear"),
    ],
)
def test_well_known_weights_have_their_own_numbers(
    name: str, resized_px: int, interpolation: str
) -> None:
    backbone = find_backbone(name)
    with torch.device("meta"):
        spec = own_preprocessing(backbone, bare_network(backbone))
    assert spec.crop_hw == (224, 224)
    assert spec.resize_shorter_px == resized_px
    assert spec.interpolation == interpolation
    assert (spec.mean, spec.std) == IMAGENET


# Weights whose numbers are not those of ImageNet: feeding these would cost accuracy without a word.
@pytest.mark.parametrize(
    ("name", "side_px", "mean"),
    [
        ("timm/tf_efficientnet_lite1", 240, 0.5),
        ("timm/tf_efficientnet_lite2", 260, 0.5),
        ("timm/vit_small_patch16_224.augreg_in21k_ft_in1k", 224, 0.5),
        ("timm/vit_base_patch16_siglip_224.v2_webli", 224, 0.5),
        ("timm/resnet50.tv2_in1k", 176, 0.485),
        ("timm/vit_small_patch14_dinov2.lvd142m", 518, 0.485),
    ],
)
def test_weights_with_numbers_of_their_own_keep_them(name: str, side_px: int, mean: float) -> None:
    backbone = find_backbone(name)
    with torch.device("meta"):
        spec = own_preprocessing(backbone, bare_network(backbone))
    assert spec.crop_hw == (side_px, side_px)
    assert spec.mean[0] == mean
