"""TCL as a whole: an image is encoded once, then any list of texts costs a matrix product and the refinement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from inference.models.tcl import pamr
from inference.models.tcl.masker import Masker, as_map, similarities
from inference.models.tcl.shape import TclShape
from inference.models.tcl.towers import ImageEncoder, TextEncoder, normalised

PRESERVED = 0.3
"""The share of frozen CLIP in a mask (kp_w), as in the paper's evaluation."""

PRESERVED_SCALE, PRESERVED_CENTRE = 10.0, 0.25
"""sigmoid(10 * (similarity - 0.25)): the constants of the frozen branch, not the learned ones."""

BACKGROUND_REFINED, BACKGROUND_PLAIN = 0.4, 0.5
"""Background thresholds with and without refinement; one for all data sets."""


@dataclass(frozen=True, slots=True)
class Frame:
    """How an image of height x width lies in its padding: top and left margins, and the padded size; pixels."""

    height: int
    width: int
    top: int
    left: int
    padded_height: int
    padded_width: int


@dataclass(frozen=True, slots=True)
class TclFeatures:
    """What every list of texts on one image shares.

    ``grounded`` float (B, D, 4h, 4w), not normalised; ``frozen`` float (B, D, h, w), the frozen branch;
    ``affinity`` float (B, 8 * dilations, 4h, 4w), of the refinement; h and w count patches of the padded image.
    """

    grounded: Tensor
    frozen: Tensor
    affinity: Tensor
    dilations: tuple[int, ...]
    frame: Frame


class _Temperature(nn.Module):
    """The learned logit scale of a contrastive loss; only training reads it."""

    def __init__(self) -> None:
        super().__init__()
        self.logit_scale = nn.Parameter(torch.tensor(1 / 0.07).log())


class Tcl(nn.Module):
    """Frozen CLIP, the masker and the two temperatures of training, under the official tensor names."""

    def __init__(self, shape: TclShape) -> None:
        super().__init__()
        self.shape = shape
        self.clip_image_encoder = ImageEncoder(shape)
        self.clip_text_encoder = TextEncoder(shape)
        self.masker = Masker(shape)
        self.tcli_loss = _Temperature()
        self.tclf_loss = _Temperature()

    def encode(self, image: Tensor, dilations: Sequence[int] = pamr.DILATIONS) -> TclFeatures:
        """``image`` float (B, 3, H, W), normalised with ImageNet's mean and deviation (not CLIP's), any size."""
        padded, frame = pad(image, self.shape.patch)
        height, width = frame.padded_height // self.shape.patch, frame.padded_width // self.shape.patch
        tokens = self.clip_image_encoder.clip_visual.tokens_before_last(padded)
        grounded = self.masker.image_encoder(tokens, height, width)
        spatial = self.frozen_map(tokens, height, width)
        # in single precision: the smallest deviation that the refinement knows is nothing in half
        guide = functional.interpolate(padded.float(), size=grounded.shape[-2:], mode="bilinear", align_corners=True)
        return TclFeatures(
            grounded=grounded,
            frozen=self.clip_image_encoder.clip_proj.on_map(spatial),
            affinity=pamr.affinity(guide, dilations),
            dilations=tuple(dilations),
            frame=frame,
        )

    def frozen_map(self, tokens: Tensor, height: int, width: int) -> Tensor:
        """The frozen last block, each token alone: (B, 1 + h*w, width) to (B, width, h, w)."""
        return as_map(self.clip_image_encoder.clip_visual.transformer.last.each_alone(tokens), height, width)

    def embed(self, tokens: Tensor) -> Tensor:
        """One normalised embedding per class (N, D) from token numbers (N, templates, L).

        The embeddings of the templates are averaged as they are, then normalised.
        """
        classes, templates, length = tokens.shape
        embedded = self.clip_text_encoder(tokens.reshape(classes * templates, length))
        return normalised(embedded.reshape(classes, templates, -1).mean(dim=1))

    def soft_masks(self, features: TclFeatures, texts: Tensor) -> Tensor:
        """Probabilities (B, N, 4h, 4w) in 0..1 for texts (N, D), neither refined nor mixed."""
        masks: Tensor = self.masker.sim2mask(similarities(features.grounded, texts))
        return masks

    def frozen_masks(self, features: TclFeatures, texts: Tensor) -> Tensor:
        """What the frozen branch makes of texts: probabilities (B, N, h, w) by constants, not the learned numbers."""
        return torch.sigmoid(PRESERVED_SCALE * (similarities(features.frozen, texts) - PRESERVED_CENTRE))

    def masks(
        self,
        features: TclFeatures,
        texts: Tensor,
        refinements: int = pamr.ITERATIONS,
        preserved: float = PRESERVED,
    ) -> Tensor:
        """Probabilities (B, N, H, W) at the size of the image; independent of each other, they do not sum to 1.

        ``refinements`` counts the rounds of the refinement, 0 for none. ``preserved`` 0..1: the share of frozen CLIP;
        it is mixed in after the refinement, so it stays unrefined.
        """
        frozen = self.frozen_masks(features, texts) if preserved > 0 else None
        return self.finished(features, self.soft_masks(features, texts), frozen, refinements, preserved)

    def finished(
        self, features: TclFeatures, soft: Tensor, frozen: Tensor | None, refinements: int, preserved: float = PRESERVED
    ) -> Tensor:
        """The last steps of :meth:`masks`, from what :meth:`soft_masks` and :meth:`frozen_masks` gave."""
        masks = pamr.refine(soft, features.affinity, refinements, features.dilations) if refinements > 0 else soft
        if frozen is not None:
            frozen = functional.interpolate(frozen, size=masks.shape[-2:], mode="bilinear", align_corners=False)
            masks = preserved * frozen + (1 - preserved) * masks
        return unpad(masks, features.frame)

    def on_grid(self, features: TclFeatures, masks: Tensor) -> Tensor:
        """Masks float (M, H, W) of the image of the features averaged to the grid of its embeddings, (M, 4h, 4w)."""
        frame = features.frame
        margins = (
            frame.left,
            frame.padded_width - frame.width - frame.left,
            frame.top,
            frame.padded_height - frame.height - frame.top,
        )
        padded = functional.pad(masks[None], margins)
        return functional.interpolate(padded, size=features.grounded.shape[-2:], mode="area")[0]


def pad(image: Tensor, patch: int) -> tuple[Tensor, Frame]:
    """Zeros on both sides up to whole patches; an odd pixel more goes to the right and the bottom."""
    height, width = image.shape[-2:]
    more_rows, more_columns = -height % patch, -width % patch
    top, left = more_rows // 2, more_columns // 2
    padded = functional.pad(image, (left, more_columns - left, top, more_rows - top))
    return padded, Frame(height, width, top, left, height + more_rows, width + more_columns)


def unpad(masks: Tensor, frame: Frame) -> Tensor:
    """Enlarged bilinearly to the padded size, then without the padding."""
    size = (frame.padded_height, frame.padded_width)
    large = functional.interpolate(masks, size=size, mode="bilinear", align_corners=False)
    return large[..., frame.top : frame.top + frame.height, frame.left : frame.left + frame.width]


def label_map(masks: Tensor, background: float | None = None) -> Tensor:
    """The best class of each pixel, int64 (B, H, W), from probabilities (B, N, H, W).

    With a ``background`` threshold in 0..1, class 0 is "none of them", which wins where no probability exceeds the
    threshold, and the classes count from 1.
    """
    if background is None:
        return masks.argmax(dim=1)
    constant = torch.full_like(masks[:, :1], background)
    return torch.cat([constant, masks], dim=1).argmax(dim=1)
