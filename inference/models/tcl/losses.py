"""The training losses of TCL (section 3.3): which text a masked image, and a masked feature, belongs to.

Pairs of images and texts in a batch: pair i is positive, all other texts are negative for image i.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from inference.models.tcl.masker import similarities
from inference.models.tcl.model import Tcl
from inference.models.tcl.towers import normalised

POSITIVE_AREA, NEGATIVE_AREA = 0.4, 0.0
"""The priors of the area: the share of an image that its own text, and that other texts, should cover."""

MOST_SCALE = 100.0


@dataclass(frozen=True, slots=True)
class LossWeights:
    """Of the two contrastive losses, the two area priors, and the two smoothness losses; ``positive_area`` is the
    prior itself, a share of the image: other data than photos may need another."""

    contrastive: float = 0.1
    area: float = 0.4
    smooth: float = 1.0
    positive_area: float = POSITIVE_AREA


RELEASED_WEIGHTS = LossWeights()
"""Those of the released model."""


@dataclass(frozen=True, slots=True)
class TclLosses:
    """All losses, scalars, weighted; ``positive`` (B, 1, 4h, 4w) and ``negative`` (B, B-1, 4h, 4w) soft masks."""

    image: Tensor
    feature: Tensor
    area: Tensor
    negative_area: Tensor
    smooth_features: Tensor
    smooth_masks: Tensor
    positive: Tensor
    negative: Tensor

    @property
    def total(self) -> Tensor:
        return self.image + self.feature + self.area + self.negative_area + self.smooth_features + self.smooth_masks


def losses(
    model: Tcl,
    image: Tensor,
    tokens: Tensor,
    uniform: Tensor,
    weights: LossWeights = RELEASED_WEIGHTS,
    blank: Tensor | None = None,
) -> TclLosses:
    """The losses of B pairs.

    ``image`` float (B, 3, H, W), normalised, whole patches; ``tokens`` integers (B, L); ``uniform`` float
    (B, B, 4h, 4w) in (0, 1): the noise of the hard masks, of which the diagonal is used. ``blank`` float (3, 1, 1),
    normalised: the colour of what frozen CLIP is not shown, by default 0, the mean colour, as in the paper.
    """
    patch = model.shape.patch
    height, width = image.shape[-2] // patch, image.shape[-1] // patch
    visual = model.clip_image_encoder.clip_visual
    with torch.no_grad():
        texts = normalised(model.clip_text_encoder(tokens))
        before_last = visual.tokens_before_last(image)
    embeddings = model.masker.image_encoder(before_last, height, width)
    logits = model.masker.sim2mask.logits(similarities(embeddings, texts))
    soft = torch.sigmoid(logits)
    pairs = len(image)
    own = torch.eye(pairs, dtype=torch.bool, device=image.device)
    positive = soft[own].unsqueeze(1)
    negative = soft[~own].reshape(pairs, pairs - 1, *soft.shape[-2:])
    hard = straight_through(logits, uniform)[own].unsqueeze(1)
    return TclLosses(
        image=weights.contrastive * image_loss(model, image, hard, texts, blank),
        feature=weights.contrastive * feature_loss(embeddings, soft, texts, model.tclf_loss.logit_scale),
        area=weights.area * (positive.mean() - weights.positive_area).abs(),
        negative_area=weights.area * (negative.mean() - NEGATIVE_AREA).abs(),
        smooth_features=weights.smooth * variation(embeddings),
        smooth_masks=weights.smooth * variation(soft),
        positive=positive,
        negative=negative,
    )


def straight_through(logits: Tensor, uniform: Tensor) -> Tensor:
    """Random hard masks 0 or 1 (Gumbel-sigmoid of temperature 1), with the gradient of the soft ones."""
    soft = torch.sigmoid(logits + uniform.log() - (-uniform).log1p())
    hard = (soft > 0.5).to(soft)
    return hard - soft.detach() + soft


def image_loss(model: Tcl, image: Tensor, masks: Tensor, texts: Tensor, blank: Tensor | None = None) -> Tensor:
    """TCLv: images with all but the mask (B, 1, h', w') blanked, through frozen CLIP, should find their texts."""
    large = functional.interpolate(masks, size=image.shape[-2:], mode="nearest")
    shown = image * large if blank is None else image * large + blank * (1 - large)
    embedded = normalised(model.clip_image_encoder.global_embedding(shown))
    return _symmetric(embedded @ texts.T, model.tcli_loss.logit_scale)


def feature_loss(embeddings: Tensor, masks: Tensor, texts: Tensor, logit_scale: Tensor) -> Tensor:
    """TCLf: embeddings (B, D, h, w) averaged inside the soft masks (B, N, h, w) should find their texts (N, D)."""
    pooled = torch.einsum("bdhw,bnhw->bnd", embeddings, masks)
    pooled = pooled / (masks.sum(dim=(2, 3)).unsqueeze(-1) + 1e-6)
    return _symmetric(torch.einsum("bnd,nd->bn", normalised(pooled), texts), logit_scale)


def variation(x: Tensor) -> Tensor:
    """Anisotropic total variation of (B, C, h, w): mean absolute step across plus mean absolute step down."""
    across = (x[..., :, 1:] - x[..., :, :-1]).abs().mean()
    down = (x[..., 1:, :] - x[..., :-1, :]).abs().mean()
    return across + down


def _symmetric(cosines: Tensor, logit_scale: Tensor) -> Tensor:
    """InfoNCE over both axes of (B, B), the diagonal being right."""
    scaled = cosines * logit_scale.exp().clamp(max=MOST_SCALE)
    right = torch.arange(len(cosines), device=cosines.device)
    return (functional.cross_entropy(scaled, right) + functional.cross_entropy(scaled.T, right)) / 2
