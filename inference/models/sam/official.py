"""SAM on the package ``segment_anything``: the parts of its predictor, with what repeats kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image as Pillow
from torch import Tensor, nn

from inference.device import torch_device, torch_dtype
from inference.models.sam.frame import InputFrame
from inference.models.sam.promptable import Asked, Decoded, Maps


class OfficialSam:
    """A :class:`Promptable` round the official modules.

    The image encoder computes in the dtype of the device; prompts and masks, which cost little, in float32.
    """

    trusts_unstable = True

    def __init__(self, sam: Any, dtype: torch.dtype | None = None) -> None:
        self._device = torch_device()
        self._dtype = dtype or torch_dtype()
        self._sam = sam.to(self._device)
        self._sam.image_encoder.to(self._dtype)
        # the official predictor computes this anew for every prompt
        self._positions: Tensor = sam.prompt_encoder.get_dense_pe()
        self.steps: Sequence[nn.Module] = list(sam.image_encoder.blocks)
        self.cells: int = sam.prompt_encoder.mask_input_size[0]

    def frame(self, height: int, width: int) -> InputFrame:
        return InputFrame.padded(height, width, self._sam.image_encoder.img_size)

    def look(self, pixels: NDArray[np.uint8]) -> Maps:
        frame = self.frame(*pixels.shape[:2])
        resized = Pillow.fromarray(pixels).resize((frame.columns, frame.rows), Pillow.Resampling.BILINEAR)
        tensor = torch.from_numpy(np.array(resized)).to(self._device).permute(2, 0, 1)[None].contiguous()
        return (self._sam.image_encoder(self._sam.preprocess(tensor).to(self._dtype)).float(),)

    def decode(self, maps: Maps, asked: Asked) -> Decoded:
        points = None
        if asked.points is not None and asked.labels is not None:
            points = self._floats(asked.points), torch.from_numpy(asked.labels).int().to(self._device)
        sparse, dense = self._sam.prompt_encoder(
            points=points,
            boxes=self._floats(asked.boxes) if asked.boxes is not None else None,
            masks=asked.previous,
        )
        low, scores = self._sam.mask_decoder.predict_masks(
            image_embeddings=maps[0],
            image_pe=self._positions,
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
        )
        return Decoded(low, scores)

    def enlarged(self, low: Tensor, frame: InputFrame) -> Tensor:
        """At the size of the input without its padding: the first of the two steps of the official upsampling."""
        size = (frame.side, frame.side)
        square = F.interpolate(low[None], size, mode="bilinear", align_corners=False)[0]
        return square[:, : frame.rows, : frame.columns]

    def _floats(self, values: NDArray[np.float64]) -> Tensor:
        return torch.from_numpy(values).float().to(self._device)
