"""What ``lite`` keeps of an image: its pixels, the context of the whole and of the last close-ups."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from inference.models.lite.decoder import Prompting
from inference.models.lite.model import LiteModel
from inference.models.lite.neck import Context
from inference.models.lite.prompt_maps import Canvas
from inference.models.lite.sight import Sight

if TYPE_CHECKING:
    from inference.models.lite.finding import Proposals

KEPT_CLOSE_UPS = 3

MIRRORED = True
"""Every sight is seen a second time in the mirror and the two answers are averaged: steadier, at twice the cost."""


class LiteFeatures:
    """The features of one image. Close-ups are encoded when a prompt needs them and the last few are kept."""

    def __init__(self, model: LiteModel, pixels: NDArray[np.uint8], device: torch.device) -> None:
        self.height, self.width = int(pixels.shape[0]), int(pixels.shape[1])
        self.pixels = pixels
        self.whole = Sight.whole(self.height, self.width)
        self.model, self._device = model, device
        self.proposals: Proposals | None = None
        self._whole_context = self._encoded(self.whole)
        self._close_ups: OrderedDict[Sight, Context] = OrderedDict()

    @property
    def nbytes(self) -> int:
        """Pixels and contexts, with room for the close-ups that will come."""
        return self.pixels.nbytes + (1 + KEPT_CLOSE_UPS) * sum(t.nbytes for t in self._whole_context)

    def context(self, sight: Sight) -> Context:
        """The context of a sight, from what is kept or encoded now."""
        if sight == self.whole:
            return self._whole_context
        if sight in self._close_ups:
            self._close_ups.move_to_end(sight)
        else:
            self._close_ups[sight] = self._encoded(sight)
            if len(self._close_ups) > KEPT_CLOSE_UPS:
                self._close_ups.popitem(last=False)
        return self._close_ups[sight]

    def answer(self, sight: Sight, canvas: Canvas) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Logits (candidates, h, w) at stride 2 of the sight and expected IoUs (candidates,)."""
        maps = torch.from_numpy(canvas.maps())[None].to(self._device)
        seeds = torch.from_numpy(canvas.seed_array())[None].to(self._device)
        if MIRRORED:
            maps = torch.cat([maps, maps.flip(3)])
            mirrored = seeds.clone()
            mirrored[..., 1] = maps.shape[3] - 1 - mirrored[..., 1]
            seeds = torch.cat([seeds, mirrored])
        with torch.inference_mode():
            masks, quality = self.model.answer(self.context(sight), Prompting(maps, seeds))
            if MIRRORED:
                masks = (masks[:1] + masks[1:].flip(3)) / 2
        return _array(masks[0]), _array(quality.sigmoid().mean(0))

    def answers(self, sight: Sight, canvases: list[Canvas]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The same for several prompt sets at once, without the mirror: (n, candidates, h, w) and (n, candidates)."""
        maps = torch.from_numpy(np.stack([canvas.maps() for canvas in canvases])).to(self._device)
        seeds = torch.from_numpy(np.stack([canvas.seed_array() for canvas in canvases])).to(self._device)
        context = Context(*(t[:1] for t in self.context(sight))).expanded(len(canvases))
        with torch.inference_mode():
            prediction = self.model.answer(context, Prompting(maps, seeds))
        return _array(prediction.masks), _array(prediction.quality.sigmoid())

    def likeness(self, sight: Sight, row: int, column: int) -> NDArray[np.float32]:
        """Cosine of each stride-4 cell's embedding with that of one cell: float32 (h, w) in [-1, 1]."""
        fine = self.context(sight).fine[0]
        return _array(torch.einsum("chw,c->hw", fine, fine[:, row, column]))

    def _encoded(self, sight: Sight) -> Context:
        pixels = torch.from_numpy(sight.cut(self.pixels)).to(self._device).permute(2, 0, 1)[None]
        if MIRRORED:
            pixels = torch.cat([pixels, pixels.flip(3)])
        with torch.inference_mode():
            return self.model.look(pixels)


def _array(tensor: Tensor) -> NDArray[np.float32]:
    array: NDArray[np.float32] = tensor.float().cpu().numpy()
    return array
