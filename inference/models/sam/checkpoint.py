"""Loading of SAM files under their official names: all of a file or nothing."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import torch
from segment_anything.modeling import ImageEncoderViT, MaskDecoder, PromptEncoder, Sam, TwoWayTransformer
from torch import Tensor

from inference.engine import WrongWeights
from inference.models.sam.shape import HEADS, SamShape, Sizes, shape_of
from inference.models.seem.checkpoint import Mismatch, read_tensors, sizes_of

MEAN, DEVIATION = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
"""Of ImageNet's colours, 0 to 255."""


def load(path: Path) -> Any:
    """The official ``Sam`` with exactly the tensors of a file, float32, in evaluation mode.

    The size is told by the shapes of the tensors. Raises :class:`WrongWeights`: what cannot be read, or only by running
    code in the file, and every tensor that is missing, left over or of another shape.
    """
    tensors = read_tensors(path)
    shape = shape_of(sizes_of(tensors))
    mismatch = compare(sizes_of(tensors), shape)
    if mismatch:
        raise WrongWeights(mismatch.sentence(shape.title))
    return with_tensors(shape, tensors)


def compare(sizes: Sizes, shape: SamShape) -> Mismatch:
    """How a file with tensors of these names and shapes differs from a model."""
    with torch.device("meta"):
        expected = {name: tuple(tensor.shape) for name, tensor in build(shape).state_dict().items()}
    return Mismatch(
        missing=tuple(sorted(expected.keys() - sizes.keys())),
        unused=tuple(sorted(sizes.keys() - expected.keys())),
        reshaped=tuple(sorted(name for name in expected.keys() & sizes.keys() if expected[name] != sizes[name])),
    )


def with_tensors(shape: SamShape, tensors: dict[str, Tensor]) -> Any:
    """A model that holds these tensors themselves, without initialising its own first."""
    with torch.device("meta"):
        sam = build(shape)
    sam.load_state_dict({name: tensor.float() for name, tensor in tensors.items()}, strict=True, assign=True)
    # constants that no file holds
    sam.pixel_mean = torch.tensor(MEAN).view(-1, 1, 1)
    sam.pixel_std = torch.tensor(DEVIATION).view(-1, 1, 1)
    return sam.eval().requires_grad_(False)


def build(shape: SamShape) -> Any:
    """The official modules in a shape, initialised at random (Kirillov et al. 2023, appendix A)."""
    cells = shape.side // shape.patch
    return Sam(
        image_encoder=ImageEncoderViT(
            img_size=shape.side,
            patch_size=shape.patch,
            embed_dim=shape.width,
            depth=shape.depth,
            num_heads=shape.heads,
            mlp_ratio=4,
            out_chans=shape.channels,
            qkv_bias=True,
            norm_layer=partial(torch.nn.LayerNorm, eps=1e-6),
            use_rel_pos=True,
            window_size=shape.window,
            global_attn_indexes=shape.whole,
        ),
        prompt_encoder=PromptEncoder(
            embed_dim=shape.channels,
            image_embedding_size=(cells, cells),
            input_image_size=(shape.side, shape.side),
            mask_in_chans=shape.mask_channels,
        ),
        mask_decoder=MaskDecoder(
            num_multimask_outputs=3,
            transformer=TwoWayTransformer(
                depth=shape.layers, embedding_dim=shape.channels, mlp_dim=shape.hidden, num_heads=HEADS
            ),
            transformer_dim=shape.channels,
            iou_head_depth=shape.score_layers,
            iou_head_hidden_dim=shape.score_hidden,
        ),
        pixel_mean=list(MEAN),
        pixel_std=list(DEVIATION),
    )
