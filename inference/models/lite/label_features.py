"""What names a mask: features of a close-up of the object, pooled over the mask and over all of it."""

from __future__ import annotations

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from inference.models.lite.backbone import FEATURE_CHANNELS, HEAD_CHANNELS, EfficientNetLite0, normalised

SIDE = 224
"""Side of the close-up in pixels: what the backbone was trained on."""

CONTEXT = 1.25
"""The close-up is a square so much larger than the object's longer side."""

SMALLEST = 32
"""A close-up shows at least so many image pixels."""

LABEL_CHANNELS = 2 * HEAD_CHANNELS + FEATURE_CHANNELS[2] + 4


def close_up(pixels: NDArray[np.uint8], mask: NDArray[np.bool_]) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """The object's surroundings: uint8 (SIDE, SIDE, 3), borders repeated, and the mask's coverage (SIDE, SIDE)."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        raise ValueError("the mask is empty")
    height, width = mask.shape
    side = max(rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1, SMALLEST / CONTEXT) * CONTEXT
    x0 = _start((columns[0] + columns[-1] + 1) / 2 - side / 2, side, width)
    y0 = _start((rows[0] + rows[-1] + 1) / 2 - side / 2, side, height)
    step = side / SIDE
    if step > 2:
        # warping samples single pixels: average first, so that small patterns do not alias
        factor = 2 / step
        pixels = np.asarray(cv2.resize(pixels, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA), np.uint8)
        small = cv2.resize(mask.astype(np.float32), (pixels.shape[1], pixels.shape[0]), interpolation=cv2.INTER_AREA)
        fx, fy = pixels.shape[1] / width, pixels.shape[0] / height
    else:
        small, fx, fy = mask.astype(np.float32), 1.0, 1.0
    matrix = np.array(
        [[step * fx, 0, (x0 + step / 2) * fx - 0.5], [0, step * fy, (y0 + step / 2) * fy - 0.5]], np.float64
    )
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    image = cv2.warpAffine(pixels, matrix, (SIDE, SIDE), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    coverage = cv2.warpAffine(small, matrix, (SIDE, SIDE), flags=flags, borderMode=cv2.BORDER_CONSTANT, borderValue=0)
    return np.asarray(image, np.uint8), np.asarray(coverage, np.float32)


def _start(start: float, side: float, length: int) -> float:
    """The span moved into the image when it fits."""
    if side > length:
        return (length - side) / 2
    return min(max(start, 0.0), length - side)


def shape_features(mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Share of the image, aspect, and the centre's place: float32 (4,), each about in [-1, 1]."""
    rows, columns = np.nonzero(mask)
    height, width = mask.shape
    aspect = np.log((np.ptp(rows) + 1) / (np.ptp(columns) + 1))
    share = np.sqrt(len(rows) / mask.size)
    return np.array([share, aspect / 2, 2 * rows.mean() / height - 1, 2 * columns.mean() / width - 1], np.float32)


def label_features(
    backbone: EfficientNetLite0, pixels: NDArray[np.uint8], masks: list[NDArray[np.bool_]]
) -> tuple[Tensor, Tensor]:
    """Features (n, LABEL_CHANNELS) of non-empty masks of one image, and ImageNet logits (n, 1000) of the objects."""
    device = backbone.classifier.weight.device
    cuts = [close_up(pixels, mask) for mask in masks]
    images = torch.from_numpy(np.stack([image for image, _ in cuts])).to(device).permute(0, 3, 1, 2)
    coverage = torch.from_numpy(np.stack([cover for _, cover in cuts])[:, None]).to(device)
    shapes = torch.from_numpy(np.stack([shape_features(mask) for mask in masks])).to(device)
    with torch.inference_mode():
        pyramid = backbone(normalised(images))
        embedded = backbone.embed(pyramid.s32)
        inside, everywhere = pooled(embedded, coverage), embedded.mean((2, 3))
        middle = pooled(pyramid.s16, coverage)
        logits = backbone.classify((inside + everywhere).float() / 2)
    return torch.cat([inside, everywhere, middle / 4, shapes], 1).float(), logits.float()


def pooled(maps: Tensor, coverage: Tensor) -> Tensor:
    """Mean of ``maps`` (B, C, h, w) weighted by ``coverage`` (B, 1, H, W): (B, C)."""
    weight = F.adaptive_avg_pool2d(coverage, (maps.shape[-2], maps.shape[-1])) + 1e-6
    weight = weight / weight.sum((2, 3), keepdim=True)
    return (maps * weight).sum((2, 3))
