"""Architectures of SAM, read off the shapes of their tensors."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

Sizes = Mapping[str, tuple[int, ...]]

HEADS = 8
"""Attention heads of the mask decoder; no tensor tells their number."""


@dataclass(frozen=True, slots=True)
class SamShape:
    """The image encoder's width, depth, heads, layers without windows, and what else the released sizes share."""

    width: int
    depth: int
    heads: int
    whole: tuple[int, ...]
    window: int = 14
    side: int = 1024
    patch: int = 16
    channels: int = 256
    mask_channels: int = 16
    layers: int = 2
    hidden: int = 2048
    score_hidden: int = 256
    score_layers: int = 3

    @property
    def title(self) -> str:
        """ "SAM ViT-B" and so on; "SAM" for sizes that were never released."""
        return next((title for title, shape in RELEASED.items() if shape == self), "SAM")


RELEASED = {
    "SAM ViT-B": SamShape(768, 12, 12, (2, 5, 8, 11)),
    "SAM ViT-L": SamShape(1024, 24, 16, (5, 11, 17, 23)),
    "SAM ViT-H": SamShape(1280, 32, 16, (7, 15, 23, 31)),
}

_BLOCK = re.compile(r"image_encoder\.blocks\.(\d+)\.")


def shape_of(sizes: Sizes) -> SamShape:
    """The shape that the tensors speak of. Where one is missing, the nearest released size speaks for it."""
    shape = _nearest(sizes)
    rows = _relative_rows(sizes)
    embedding = sizes.get("image_encoder.patch_embed.proj.weight")
    grid = sizes.get("image_encoder.pos_embed")
    if not rows or embedding is None or grid is None or len(embedding) != 4 or len(grid) != 4:
        return shape
    cells, patch = grid[1], embedding[2]
    whole = tuple(sorted(block for block, (count, _) in rows.items() if count == 2 * cells - 1))
    windowed = [count for block, (count, _) in rows.items() if block not in whole]
    head = rows[min(rows)][1]
    shape = replace(
        shape,
        width=embedding[0],
        depth=max(int(found[1]) for name in sizes if (found := _BLOCK.match(name))) + 1,
        heads=max(1, embedding[0] // max(head, 1)),
        whole=whole,
        window=(windowed[0] + 1) // 2 if windowed else shape.window,
        side=cells * patch,
        patch=patch,
    )
    return replace(
        shape,
        channels=_first(sizes, "mask_decoder.iou_token.weight", 1, shape.channels),
        mask_channels=_first(sizes, "prompt_encoder.mask_downscaling.3.weight", 0, shape.mask_channels),
        hidden=_first(sizes, "mask_decoder.transformer.layers.0.mlp.lin1.weight", 0, shape.hidden),
        score_hidden=_first(sizes, "mask_decoder.iou_prediction_head.layers.0.weight", 0, shape.score_hidden),
    )


def _nearest(sizes: Sizes) -> SamShape:
    """The released size whose image encoder is as deep, else the smallest."""
    depth = len({found[1] for name in sizes if (found := _BLOCK.match(name))})
    return min(RELEASED.values(), key=lambda shape: abs(shape.depth - depth))


def _relative_rows(sizes: Sizes) -> dict[int, tuple[int, int]]:
    """By block: length of the table of relative positions, and width of a head."""
    rows = {}
    for name, size in sizes.items():
        found = _BLOCK.match(name)
        if found and name.endswith(".attn.rel_pos_h") and len(size) == 2:
            rows[int(found[1])] = (size[0], size[1])
    return rows


def _first(sizes: Sizes, name: str, axis: int, otherwise: int) -> int:
    size = sizes.get(name, ())
    return size[axis] if axis < len(size) else otherwise
