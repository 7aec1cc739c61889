"""The whole model: image encoder, pixel decoder, text encoder and SEEM decoder."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from inference.models.seem.decoder import Decoder, Recollection, masks_of
from inference.models.seem.deformable import DeformablePixelDecoder
from inference.models.seem.focal import FocalNet
from inference.models.seem.layout import GroupName, Layout
from inference.models.seem.multi_object import ObjectsAnswer, decode_objects
from inference.models.seem.pixel_decoder import PixelDecoder, Pyramid
from inference.models.seem.prompting import ModelPrompts, TextTokens, groups_for
from inference.models.seem.sampler import Choose, Sample, evenly, sample
from inference.models.seem.shape import FocalShape, SeemShape
from inference.models.seem.sight import Sight
from inference.models.seem.text import LanguageEncoder, token_count
from inference.models.seem.vit import SamVit

PIXEL_MEAN = (123.675, 116.28, 103.53)
PIXEL_STD = (58.395, 57.12, 57.375)


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """One group of queries after a forward: ``class_vectors`` (B, Q, projection), ``mask_embeddings`` (B, Q, mask)."""

    class_vectors: Tensor
    mask_embeddings: Tensor

    def masks(self, sight: Sight) -> Tensor:
        """Mask logits of all queries, (B, Q, H / 4, W / 4)."""
        return masks_of(self.mask_embeddings, sight.mask_features)

    def mask(self, sight: Sight, query: Tensor) -> Tensor:
        """Mask logits of one query per row, ``query`` int (B,): (B, 1, H / 4, W / 4)."""
        rows = torch.arange(len(query), device=query.device)
        return masks_of(self.mask_embeddings[rows, query][:, None], sight.mask_features)

    def matching(self, vector: Tensor) -> Tensor:
        """<mask embedding, matching vector (B, mask)>: (B, Q); the best query answers a visual prompt."""
        return (self.mask_embeddings @ vector[:, :, None])[:, :, 0]


class Seem(nn.Module):
    """SEEM with tensors as in released checkpoints (names: :mod:`inference.models.seem.checkpoint`)."""

    backbone: FocalNet | SamVit
    pixel_decoder: PixelDecoder | DeformablePixelDecoder

    def __init__(self, shape: SeemShape) -> None:
        super().__init__()
        self.shape = shape
        if isinstance(shape.backbone, FocalShape):
            self.backbone = FocalNet(shape.backbone)
            self.pixel_decoder = PixelDecoder(shape)
        else:
            self.backbone = SamVit(shape.backbone)
            self.pixel_decoder = DeformablePixelDecoder(shape)
        self.decoder = Decoder(shape)
        self.text = LanguageEncoder(shape.text, shape.projection)

    def preprocess(self, pixels: Tensor) -> Tensor:
        """RGB (3, H, W) of 0..255 to (1, 3, H', W'), normalised, padded right and below with zeros."""
        height, width = pixels.shape[1:]
        mean, std = (pixels.new_tensor(v, dtype=torch.float32)[:, None, None] for v in (PIXEL_MEAN, PIXEL_STD))
        divisor = self.shape.divisor
        padded = torch.zeros(1, 3, -(-height // divisor) * divisor, -(-width // divisor) * divisor, device=mean.device)
        padded[0, :, :height, :width] = (pixels.float() - mean) / std
        return padded

    def pyramid(self, images: Tensor) -> Pyramid:
        """Normalised padded images (B, 3, H, W) to the pixel decoder's maps."""
        pyramid: Pyramid = self.pixel_decoder(self.backbone(images))
        return pyramid

    def look(self, image: Tensor) -> Sight:
        """All that rounds need of one normalised padded image (1, 3, H, W)."""
        return self.decoder.look(self.pyramid(image))

    def sample(self, sight: Sight, positive: Tensor, negative: Tensor, choose: Choose = evenly) -> Sample:
        """The visual sampler on bool masks (B, H, W) in the padded frame of ``sight``."""
        return sample(sight, self.decoder, positive, negative, self.shape.max_points, choose)

    def phrase(self, ids: Tensor) -> tuple[TextTokens, Tensor]:
        """Token ids (1, context) to the text's tokens and its ``class_emb`` (1, projection)."""
        tokens, whole = self.text(ids)
        tokens = tokens[:, : token_count(ids[0])]
        return TextTokens(tokens, torch.ones(tokens.shape[:2], dtype=torch.bool, device=tokens.device)), whole

    def decode(
        self, sight: Sight, layout: Layout, prompts: ModelPrompts, wanted: set[GroupName] | None = None
    ) -> dict[GroupName, Answer]:
        """One forward of the decoder; the answers of the query groups (and memories)."""
        groups = groups_for(self.decoder, layout, prompts, wanted)
        recollection = Recollection(prompts.previous) if prompts.previous is not None else None
        states = self.decoder(sight, groups, layout.sees, recollection)
        return {group.name: self.answer(states[group.name]) for group in groups if group.crosses}

    def decode_objects(
        self,
        sight: Sight,
        positive: Tensor,
        negative: Tensor,
        previous: Tensor | None,
        queries: Tensor,
        memory_objects: Tensor | None,
    ) -> ObjectsAnswer:
        """Several objects in one forward (v1); see :func:`inference.models.seem.multi_object.decode_objects`."""
        return decode_objects(self.decoder, sight, positive, negative, previous, queries, memory_objects)

    def answer(self, states: Tensor) -> Answer:
        """The heads on states (B, n, hidden)."""
        return Answer(self.decoder.class_vectors(states), self.decoder.mask_embeddings(states))
