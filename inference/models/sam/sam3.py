"""SAM 3 (Carion et al. 2025): a promptable model as SAM 2's, and a detector of whatever a phrase or a box describes.

Both halves look through one image encoder, which is computed once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import Sam3Config, Sam3ImageProcessor, Sam3Model, Sam3TrackerConfig, Sam3TrackerModel
from transformers.modeling_outputs import BaseModelOutputWithPooling
from transformers.models.sam3.modeling_sam3 import Sam3VisionEncoderOutput

from inference.engine import EngineError, WrongWeights
from inference.models.sam import files
from inference.models.sam.hub import LEVELS, HubSam
from inference.models.sam.hub_checkpoint import Form, configured, with_tensors
from inference.models.sam.promptable import Maps
from inference.models.sam.prompting import Corners
from inference.models.sam.sam2 import PARTS
from inference.models.sam.shape import Sizes
from inference.models.seem.checkpoint import read_tensors, sizes_of
from inference.models.seem.tokenizer import Tokenizer

TITLE = "SAM 3"
KEPT_PHRASES = 512

DETECTOR = {"detector_model.": ""}
TRACKER = {
    "tracker_model.": "",
    "tracker_neck.": "vision_encoder.neck.",
    "detector_model.vision_encoder.backbone.": "vision_encoder.backbone.",
}
"""How the names of a file begin, and how those of the halves do."""


@dataclass(frozen=True, slots=True, eq=False)
class Phrase:
    """A phrase's tokens, projected (1, n, hidden), and which are no padding, int64 (1, n)."""

    features: Tensor
    valid: Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Finds:
    """What was detected, best first: ``low`` logits (n, h, w), ``scores`` (n,) in [0, 1].

    ``area`` logits (h, w) cover all of it at once; ``presence`` is the chance that there is any.
    """

    low: Tensor
    scores: Tensor
    area: Tensor
    presence: float


class Sam3(HubSam):
    """Both halves of SAM 3. Maps are those of the promptable half, then those of the detector."""

    def __init__(self, detector: Any, tracker: Any, words: Tokenizer | None, dtype: torch.dtype | None = None) -> None:
        tracker.vision_encoder.backbone = detector.vision_encoder.backbone
        super().__init__(tracker, Sam3ImageProcessor(), dtype)
        self._detector = detector.to(self._device)
        self._detector.vision_encoder.to(self._dtype)
        self._words = words
        self._phrases: dict[str, Phrase] = {}

    def look(self, pixels: NDArray[np.uint8]) -> Maps:
        values = self.prepared(pixels)
        encoder = self._detector.vision_encoder
        hidden = encoder.backbone(values).last_hidden_state
        cells = self.side // encoder.config.backbone_config.patch_size
        square = hidden.view(1, cells, cells, -1).permute(0, 3, 1, 2)
        shown, _ = self._model.vision_encoder.neck(square)
        seen, _ = encoder.neck(square)
        return (*self.maps_of(shown), *(level.float() for level in seen[:LEVELS]))

    def find(
        self,
        maps: Maps,
        phrase: str,
        boxes: Sequence[tuple[Corners, bool]] = (),
        size: tuple[int, int] = (1, 1),
    ) -> Finds:
        """All that a phrase describes. ``boxes``, in pixels of an image of ``size`` (height, width), show examples of
        it (True) or of what is not meant. Raises :class:`EngineError` without the list of word pieces."""
        said = self.phrase(phrase)
        levels = maps[LEVELS : 2 * LEVELS]
        # the model drops the last level, which it has no use for
        neck = self._detector.vision_encoder.neck
        positions = [neck.position_encoding(each.shape, each.device, each.dtype) for each in levels]
        out = self._detector(
            vision_embeds=Sam3VisionEncoderOutput(
                fpn_hidden_states=(*levels, levels[-1]), fpn_position_encoding=(*positions, positions[-1])
            ),
            text_embeds=BaseModelOutputWithPooling(pooler_output=said.features),
            attention_mask=said.valid,
            input_boxes=self._boxes(boxes, size) if boxes else None,
            input_boxes_labels=torch.tensor([[int(good) for _, good in boxes]], device=self._device) if boxes else None,
        )
        presence = out.presence_logits[0].sigmoid()
        scores = out.pred_logits[0].sigmoid() * presence
        order = scores.argsort(descending=True, stable=True)
        return Finds(out.pred_masks[0][order], scores[order], out.semantic_seg[0, 0], float(presence))

    def phrase(self, text: str) -> Phrase:
        """A phrase as the detector reads it; those read before are kept."""
        if text not in self._phrases:
            if len(self._phrases) >= KEPT_PHRASES:
                self._phrases.clear()
            self._phrases[text] = self._read(text)
        return self._phrases[text]

    def _read(self, text: str) -> Phrase:
        if self._words is None:
            raise EngineError(
                f"{TITLE} needs CLIP's list of word pieces (merges.txt) next to its weights file for texts."
            )
        ids = self._words(text)
        length = ids.index(self._words.end) + 1
        valid = torch.zeros(1, len(ids), dtype=torch.int64, device=self._device)
        valid[:, :length] = 1
        tokens = torch.tensor([ids], device=self._device)
        return Phrase(self._detector.get_text_features(input_ids=tokens, attention_mask=valid).pooler_output, valid)

    def _boxes(self, boxes: Sequence[tuple[Corners, bool]], size: tuple[int, int]) -> Tensor:
        """Centres and sizes (1, n, 4) in parts of the image, as the detector reads boxes."""
        height, width = size
        corners = torch.tensor([corners for corners, _ in boxes]) / torch.tensor([width, height, width, height])
        low, high = corners[:, :2], corners[:, 2:]
        return torch.cat([(low + high) / 2, high - low], 1)[None].to(self._device)


def open_sam3(path: Path, dtype: torch.dtype | None = None) -> Sam3:
    """A SAM 3 file of transformers' form, which holds both halves. Raises :class:`WrongWeights`."""
    tensors = read_tensors(path)
    detector_config, tracker_config = configured(path, FORM, sizes_of(tensors))
    detector = with_tensors(_renamed(tensors, DETECTOR), detector_config, TITLE, Sam3Model)
    tracker = with_tensors(_renamed(tensors, TRACKER), tracker_config, TITLE, Sam3TrackerModel)
    merges = files.merges(path)
    context = int(detector.config.text_config.max_position_embeddings)
    words = Tokenizer.read(merges, context) if merges is not None else None
    if merges is not None and words is not None and words.end + 1 != detector.config.text_config.vocab_size:
        raise WrongWeights(f"{merges.name} is not the list of word pieces that this {TITLE} file was trained with.")
    return Sam3(detector, tracker, words, dtype)


def _renamed(tensors: Mapping[str, Tensor], prefixes: Mapping[str, str]) -> dict[str, Tensor]:
    """The tensors of one half, by the names that its class gives them."""
    return {
        ours + name[len(theirs) :]: tensor
        for theirs, ours in prefixes.items()
        for name, tensor in tensors.items()
        if name.startswith(theirs)
    }


def _released(sizes: Sizes) -> tuple[Sam3Config, Sam3TrackerConfig]:
    """The one size that was released, whatever the shapes."""
    return Sam3Config(), Sam3TrackerConfig()


def _configured(table: Mapping[str, Any]) -> tuple[Sam3Config, Sam3TrackerConfig]:
    tracker = table["tracker_config"]
    return Sam3Config(**table["detector_config"]), Sam3TrackerConfig(
        **{part: tracker[part] for part in PARTS if part in tracker}
    )


FORM = Form(TITLE, frozenset({"sam3_video"}), _configured, _released)
