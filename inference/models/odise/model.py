"""ODISE as a whole: an image is seen once, then any vocabulary costs two matrix products and the post-processing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional

from inference.models.odise.classify import (
    MaskEmbedding,
    Vocabulary,
    best_of_names,
    cosine_logits,
    ensemble,
    with_none,
)
from inference.models.odise.diffusion_features import DiffusionFeatures
from inference.models.odise.finish import EnlargedMasks
from inference.models.odise.mask_generator import MaskGenerator, MaskPredictions
from inference.models.odise.masked_clip import ImageTokens, MaskedClip

PAD_TO = 64


@dataclass(frozen=True, slots=True)
class Shares:
    """CLIP's share in the geometric mean for classes seen in training (alpha) and others (beta)."""

    alpha: float
    beta: float


LABEL_SHARES = Shares(0.3, 0.7)
CAPTION_SHARES = Shares(0.35, 0.65)


@dataclass(frozen=True, slots=True)
class OdiseFeatures:
    """What every vocabulary on one image shares.

    ``masks`` float (Q, h, w), logits over the padded image; ``pooled`` and ``embeddings`` float (Q, hidden): the
    diffusion side; ``queries`` float (Q, hidden); ``clip_embeddings`` float (Q, D); ``pixels`` float (C, h, w) and
    ``tokens``: for other masks of the image; sizes are (height, width) in pixels.
    """

    masks: Tensor
    queries: Tensor
    pooled: Tensor
    embeddings: Tensor
    clip_embeddings: Tensor
    pixels: Tensor
    tokens: ImageTokens
    padded: tuple[int, int]
    image: tuple[int, int]

    @property
    def nbytes(self) -> int:
        rest = (self.queries, self.pooled, self.embeddings, self.clip_embeddings)
        return self.tokens.nbytes + sum(each.nbytes for each in (self.masks, self.pixels, *rest))

    def halved(self) -> OdiseFeatures:
        """The large parts in half precision, to be kept."""
        return replace(self, masks=self.masks.half(), pixels=self.pixels.half(), tokens=self.tokens.halved())

    def enlarged(self, output: tuple[int, int]) -> EnlargedMasks:
        """The masks at another size of the image, one at a time."""
        return EnlargedMasks(self.masks.float(), self.padded, self.image, output)


@dataclass(frozen=True, slots=True)
class Scores:
    """``own`` float (Q, K + 1) or (Q, 2): logits of the diffusion side with "none"; ``diffusion``, ``clip`` and
    ``mixed`` float (Q, K): logits of both sides and their mean; ``log_probs`` float (Q, K + 1)."""

    own: Tensor
    diffusion: Tensor
    clip: Tensor
    mixed: Tensor
    log_probs: Tensor


class TextHead(nn.Module):
    """Brings text embeddings to the space of mask embeddings. The label model's has a learned text for "none"."""

    def __init__(self, text_width: int, hidden: int, with_none: bool) -> None:
        super().__init__()
        self.text_proj = nn.Linear(text_width, hidden)
        self.null_embed = nn.Parameter(torch.zeros(1, text_width)) if with_none else None


class Odise(nn.Module):
    """One of the two released models: ``object_head`` is there in the caption model, which scores "none" with it."""

    def __init__(
        self,
        features: DiffusionFeatures,
        generator: MaskGenerator,
        embedding: MaskEmbedding,
        texts: TextHead,
        object_head: nn.Linear | None,
        clip_scale: float,
        shares: Shares,
    ) -> None:
        super().__init__()
        self.features, self.generator = features, generator
        self.embedding, self.texts, self.object_head = embedding, texts, object_head
        self.masked_clip = MaskedClip(features.clip)
        self.clip_scale = min(clip_scale, 100.0)
        self.shares = shares

    @property
    def reads_photo_prompts(self) -> bool:
        """Whether the diffusion side, too, wants "a photo of a ..."; the label model's wants plain names."""
        return self.object_head is not None

    def see(self, image: Tensor, each_crop: Callable[[], None] | None = None) -> OdiseFeatures:
        """``image`` float (1, 3, H, W) in 0..1, at the model's resolution, without padding."""
        maps = self.features(padded(image), each_crop)
        return self.describe(image, self.generator([level.float() for level in maps]))

    def describe(self, image: Tensor, found: MaskPredictions) -> OdiseFeatures:
        """Both sides' embeddings of the masks that were found."""
        height, width = image.shape[-2:]
        tokens = self.masked_clip.encode(image)
        pooled = self.embedding.pooled(found.masks, found.queries, found.pixels)
        return OdiseFeatures(
            masks=found.masks[0],
            queries=found.queries[0],
            pooled=pooled[0],
            embeddings=self.embedding(pooled)[0],
            # The masks reach over the padding and the image does not: so the official code has it.
            clip_embeddings=self.masked_clip.embed(tokens, found.masks[0]).float(),
            pixels=found.pixels[0],
            tokens=tokens,
            padded=(height + -height % PAD_TO, width + -width % PAD_TO),
            image=(height, width),
        )

    def classify(
        self,
        features: OdiseFeatures,
        vocabulary: Vocabulary,
        names: Tensor,
        photos: Tensor,
        shares: Shares | None = None,
    ) -> Scores:
        """Scores of the image's masks. ``names`` and ``photos`` float (S, D): CLIP's text embeddings, not normalised,
        of the vocabulary's flat names, plain and in the photo prompt. Runs no image network."""
        shares = shares or self.shares
        classes, owners = len(vocabulary.names), vocabulary.owners()
        own_texts = self.texts.text_proj(photos if self.reads_photo_prompts else names)
        own_logits = cosine_logits(features.embeddings, own_texts, self.embedding.scale)
        diffusion = best_of_names(own_logits, owners, classes)
        if self.object_head is not None:
            own = self.object_head(features.queries)
        else:
            none = self.texts.text_proj(self.texts.null_embed)
            own = torch.cat([diffusion, cosine_logits(features.embeddings, none, self.embedding.scale)], dim=-1)
        clip = self.clip_logits(features.clip_embeddings, vocabulary, photos)
        mixed = ensemble(diffusion, clip, vocabulary.seen(), shares.alpha, shares.beta)
        return Scores(own, diffusion, clip, mixed, with_none(mixed, own.softmax(dim=-1)[..., -1]))

    def clip_logits(self, embeddings: Tensor, vocabulary: Vocabulary, photos: Tensor) -> Tensor:
        """CLIP's logits (M, K) of mask embeddings (M, D): the best of each class's names."""
        logits = cosine_logits(embeddings, photos, self.clip_scale)
        return best_of_names(logits, vocabulary.owners(), len(vocabulary.names))


def padded(image: Tensor) -> Tensor:
    """Black at the right and the bottom, up to multiples of 64."""
    height, width = image.shape[-2:]
    return functional.pad(image, (0, -width % PAD_TO, 0, -height % PAD_TO))
