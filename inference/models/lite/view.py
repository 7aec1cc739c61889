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
"""Every answer but a glance is given again in the mirror and the two are averaged: steadier, at twice the cost."""


class LiteFeatures:
    """The features of one image. What a prompt needs more, close-ups and mirror images, is encoded then; the last few
    close-ups are kept."""

    def __init__(self, model: LiteModel, pixels: NDArray[np.uint8], device: torch.device) -> None:
        self.height, self.width = int(pixels.shape[0]), int(pixels.shape[1])
        self.pixels = pixels
        self.whole = Sight.whole(self.height, self.width)
        self.model, self._device = model, device
        self.proposals: Proposals | None = None
        self._whole: dict[bool, Context] = {False: self._encoded(self.whole, False)}
        self._close_ups: OrderedDict[Sight, dict[bool, Context]] = OrderedDict()

    @property
    def nbytes(self) -> int:
        """Pixels and contexts, with room for the close-ups and the mirror images that will come."""
        return self.pixels.nbytes + 2 * (1 + KEPT_CLOSE_UPS) * sum(t.nbytes for t in self._whole[False])

    def context(self, sight: Sight, mirrored: bool = False) -> Context:
        """The context of a sight or of its mirror image, from what is kept or encoded now."""
        kept = self._whole if sight == self.whole else self._close_up(sight)
        if mirrored not in kept:
            kept[mirrored] = self._encoded(sight, mirrored)
        return kept[mirrored]

    def _close_up(self, sight: Sight) -> dict[bool, Context]:
        kept = self._close_ups.setdefault(sight, {})
        self._close_ups.move_to_end(sight)
        if len(self._close_ups) > KEPT_CLOSE_UPS:
            self._close_ups.popitem(last=False)
        return kept

    def answer(
        self, sight: Sight, canvas: Canvas, glance: bool = False
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Logits (candidates, h, w) at stride 2 of the sight and expected IoUs (candidates,).

        A ``glance`` is not repeated in the mirror.
        """
        maps = torch.from_numpy(canvas.maps())[None].to(self._device)
        seeds = torch.from_numpy(canvas.seed_array())[None].to(self._device)
        with torch.inference_mode():
            masks, quality = self.model.answer(self.context(sight), Prompting(maps, seeds))
            quality = quality.sigmoid()
            if MIRRORED and not glance:
                seeds[..., 1] = maps.shape[3] - 1 - seeds[..., 1]
                other = self.model.answer(self.context(sight, True), Prompting(maps.flip(3), seeds))
                masks = (masks + other.masks.flip(3)) / 2
                quality = (quality + other.quality.sigmoid()) / 2
        return _array(masks[0]), _array(quality[0])

    def answers(self, sight: Sight, canvases: list[Canvas]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The same for several prompt sets at once, without the mirror: (n, candidates, h, w) and (n, candidates)."""
        maps = torch.from_numpy(np.stack([canvas.maps() for canvas in canvases])).to(self._device)
        seeds = torch.from_numpy(np.stack([canvas.seed_array() for canvas in canvases])).to(self._device)
        context = self.context(sight).expanded(len(canvases))
        with torch.inference_mode():
            prediction = self.model.answer(context, Prompting(maps, seeds))
        return _array(prediction.masks), _array(prediction.quality.sigmoid())

    def _encoded(self, sight: Sight, mirrored: bool) -> Context:
        pixels = torch.from_numpy(sight.cut(self.pixels)).to(self._device).permute(2, 0, 1)[None]
        with torch.inference_mode():
            return self.model.look(pixels.flip(3) if mirrored else pixels)


def _array(tensor: Tensor) -> NDArray[np.float32]:
    array: NDArray[np.float32] = tensor.float().cpu().numpy()
    return array
