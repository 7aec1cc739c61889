"""The sizes of a TCL model: the released one, or read off the tensors of a file."""

from __future__ import annotations

from dataclasses import dataclass

Sizes = dict[str, tuple[int, ...]]

VISUAL = "clip_image_encoder.clip_visual."
TEXT = "clip_text_encoder."
HEAD_WIDTH = 64
"""Of all of OpenAI's CLIP models."""


@dataclass(frozen=True, slots=True)
class TclShape:
    """Sizes of both towers; the defaults are CLIP ViT-B/16's. ``grid`` is the side of the position table."""

    width: int = 768
    layers: int = 12
    heads: int = 12
    patch: int = 16
    grid: int = 14
    out: int = 512
    text_width: int = 512
    text_layers: int = 12
    text_heads: int = 8
    words: int = 49408
    context: int = 77

    @property
    def tuned(self) -> int:
        """The number of the block that TCL tunes a copy of: the last."""
        return self.layers - 1


def shape_of(sizes: Sizes, heads: int | None = None, text_heads: int | None = None) -> TclShape:
    """The sizes of the model with these towers, by OpenAI's names. The heads cannot be read off: default width / 64.

    Raises KeyError when a tensor of the towers is missing.
    """
    width, _, patch, _ = sizes[f"{VISUAL}conv1.weight"]
    text_width, out = sizes[f"{TEXT}text_projection"]
    return TclShape(
        width=width,
        layers=_blocks(sizes, VISUAL),
        heads=heads or width // HEAD_WIDTH,
        patch=patch,
        grid=round((sizes[f"{VISUAL}positional_embedding"][0] - 1) ** 0.5),
        out=out,
        text_width=text_width,
        text_layers=_blocks(sizes, TEXT),
        text_heads=text_heads or text_width // HEAD_WIDTH,
        words=sizes[f"{TEXT}token_embedding.weight"][0],
        context=sizes[f"{TEXT}positional_embedding"][0],
    )


def _blocks(sizes: Sizes, prefix: str) -> int:
    start, end = f"{prefix}transformer.resblocks.", ".ln_1.weight"
    return sum(name.startswith(start) and name.endswith(end) for name in sizes)
