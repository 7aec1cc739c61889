"""SAM 2, EdgeTAM and the promptable half of SAM 3 on transformers, which gave them one form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from inference.device import torch_device, torch_dtype
from inference.models.sam.frame import InputFrame
from inference.models.sam.promptable import Asked, Decoded, Maps

LEVELS = 3
"""Maps that the mask decoder reads, finest first."""


class HubSam:
    """A :class:`inference.models.sam.promptable.Promptable` round a model and the image processor it was trained with.

    The image encoder computes in the dtype of the device; prompts and masks, which cost little, in float32.
    """

    trusts_unstable = False

    def __init__(self, model: Any, processor: Any, dtype: torch.dtype | None = None) -> None:
        self._device = torch_device()
        self._dtype = dtype or torch_dtype()
        self._model = model.to(self._device)
        self._model.vision_encoder.to(self._dtype)
        self._processor = processor
        self.side = int(model.prompt_encoder.input_image_size)
        self.steps = _steps(model.vision_encoder.backbone)
        self.cells = int(model.prompt_encoder.mask_input_size[0])
        # asked for a single mask, the decoder makes all four and here chooses one; we want to see them all
        decoder = self._model.mask_decoder
        decoder.dynamic_multimask_via_stability = True
        decoder._dynamic_multimask_via_stability = _all_four

    def frame(self, height: int, width: int) -> InputFrame:
        return InputFrame.stretched(height, width, self.side)

    def look(self, pixels: NDArray[np.uint8]) -> Maps:
        return self.maps_of(self._model.vision_encoder(self.prepared(pixels)).fpn_hidden_states)

    def prepared(self, pixels: NDArray[np.uint8]) -> Tensor:
        """RGB pixels as the image encoder's input (1, 3, side, side)."""
        size = {"height": self.side, "width": self.side}
        values: Tensor = self._processor(images=pixels, size=size, return_tensors="pt")["pixel_values"]
        return values.to(self._device, self._dtype)

    def maps_of(self, levels: tuple[Tensor, ...]) -> Maps:
        """From the levels of the image encoder's pyramid, finest first, to what the mask decoder reads."""
        decoder = self._model.mask_decoder
        fine, middle, coarse = (level.float() for level in levels[:LEVELS])
        unremembered = self._model.no_memory_embedding.reshape(1, -1, 1, 1)
        return decoder.conv_s0(fine), decoder.conv_s1(middle), coarse + unremembered

    def decode(self, maps: Maps, asked: Asked) -> Decoded:
        points = labels = boxes = None
        if asked.points is not None and asked.labels is not None:
            points, labels = self._floats(asked.points)[None], torch.from_numpy(asked.labels).to(self._device)[None]
        if asked.boxes is not None:
            boxes = self._floats(asked.boxes)[None]
        out = self._model(
            image_embeddings=list(maps[:LEVELS]),
            input_points=points,
            input_labels=labels,
            input_boxes=boxes,
            input_masks=asked.previous,
            multimask_output=False,
        )
        return Decoded(out.pred_masks[0].float(), out.iou_scores[0].float())

    def enlarged(self, low: Tensor, frame: InputFrame) -> Tensor:
        """As it is: the official code goes from low resolution to the image in one step."""
        return low

    def _floats(self, values: NDArray[np.float64]) -> Tensor:
        return torch.from_numpy(values).float().to(self._device)


def _steps(backbone: Any) -> Sequence[nn.Module]:
    """Blocks of SAM 2's image encoder, layers of SAM 3's, or the stages of a network of ``timm``."""
    for name in ("blocks", "layers"):
        if hasattr(backbone, name):
            return list(getattr(backbone, name))
    return list(backbone.timm_model.children())


def _all_four(masks: Tensor, scores: Tensor) -> tuple[Tensor, Tensor]:
    return masks, scores
