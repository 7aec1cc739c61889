"""What Ref-Diff keeps of an image: proposals, the latent, CLIP's features, and the word maps of texts (refdiff.md §7).

Everything is at the size of the *picture*, the image reduced to a longer side of at most 1024 pixels.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from inference.engine import Engine, Image, Report
from inference.models.diffusion.stable import StableDiffusion
from inference.models.refdiff.attention import WordMaps
from inference.models.refdiff.clip import MaskClip, at_most, cut_out, less_elongated
from inference.models.refdiff.heat import Square, as_input
from inference.models.refdiff.ramp import dimmed, ramps
from inference.prompts import MaskArray

LONGEST = 1024
MOST_MASKS = 200
"""Proposals beyond this many are left out, the smallest first."""

TEXTS_KEPT = 12
Directions = tuple[str, ...]
Proposer = Callable[[str], Engine]
"""An engine by name that finds regions of a whole image."""


@dataclass(frozen=True, slots=True, eq=False)
class Masks:
    """n masks bool (n, H, W), kept as bits, and their areas in pixels, int64 (n,)."""

    bits: NDArray[np.uint8]
    areas: NDArray[np.int64]
    width: int

    @staticmethod
    def of(masks: MaskArray) -> Masks:
        return Masks(np.packbits(masks, axis=-1), masks.sum((1, 2)), masks.shape[2])

    def array(self) -> MaskArray:
        return np.unpackbits(self.bits, axis=-1, count=self.width).astype(bool)


@dataclass(frozen=True, slots=True, eq=False)
class Latent:
    """Mean and deviation float32 (1, 4, h, w) of the padded picture's unscaled latent."""

    mean: Tensor
    deviation: Tensor


@dataclass(slots=True, eq=False)
class RefDiffFeatures:
    """Filled as far as the settings of :meth:`encode` need; the rest when it is first asked for.

    ``hard`` and ``soft``: CLIP features float32 (n, D) by source of the proposals, named directions and mode;
    ``readable`` (n,): masks for which the soft ones mean something.
    """

    picture: NDArray[np.uint8]
    height: int
    width: int
    key: str
    proposals: dict[str, Masks] = field(default_factory=dict)
    latents: dict[int, Latent] = field(default_factory=dict)
    hard: dict[tuple[str, Directions, str], Tensor] = field(default_factory=dict)
    soft: dict[tuple[str, Directions], Tensor] = field(default_factory=dict)
    readable: dict[str, NDArray[np.bool_]] = field(default_factory=dict)
    maps: OrderedDict[tuple[str, int, int, int], WordMaps] = field(default_factory=OrderedDict)

    @property
    def square(self) -> Square:
        return Square(*self.picture.shape[:2])

    @property
    def nbytes(self) -> int:
        """What is held, and what the maps of the texts to come will take."""
        tensors = [*self.hard.values(), *self.soft.values()]
        tensors += [each for latent in self.latents.values() for each in (latent.mean, latent.deviation)]
        held = sum(each.numel() * each.element_size() for each in tensors)
        masks = sum(each.bits.nbytes for each in self.proposals.values())
        return self.picture.nbytes + held + masks + TEXTS_KEPT * 2 * 10 * 1024 * 77 * 4


class Looker:
    """Fills the features of images. ``proposer`` gives the engines that propose regions."""

    def __init__(self, diffusion: StableDiffusion, clip: MaskClip, proposer: Proposer) -> None:
        self.diffusion = diffusion
        self.clip = clip
        self._proposer = proposer
        self._engines: dict[str, Engine] = {}

    def begin(self, image: Image) -> RefDiffFeatures:
        picture = at_most(image.pixels, LONGEST, 1)
        return RefDiffFeatures(picture, image.height, image.width, image.content_hash)

    def proposals(self, features: RefDiffFeatures, source: str, report: Report) -> Masks:
        """Regions by the engine ``source``, largest first; one of the whole picture when it finds none."""
        known = features.proposals.get(source)
        if known is None:
            report(None, "Finding proposals")
            if source not in self._engines:
                self._engines[source] = self._proposer(source)
            engine = self._engines[source]
            seen = engine.encode(Image(features.picture, f"{features.key} reduced"), report)
            found = [each.mask for each in engine.everything(seen, None, report) if each.mask.any()]
            found.sort(key=np.count_nonzero, reverse=True)
            if not found:
                found = [np.ones(features.picture.shape[:2], bool)]
            known = features.proposals[source] = Masks.of(np.stack(found[:MOST_MASKS]))
        return known

    def latent(self, features: RefDiffFeatures, size: int, report: Report) -> Latent:
        """Of the picture padded to a square and resized to ``size``."""
        known = features.latents.get(size)
        if known is None:
            report(None, "Reading the image")
            shown = as_input(features.square.padded(features.picture, size))
            mean, deviation = self.diffusion.posterior(shown.to(self.diffusion.device))
            known = features.latents[size] = Latent(mean.cpu(), deviation.cpu())
        return known

    def hard_features(
        self, features: RefDiffFeatures, source: str, directions: Directions, mode: str, report: Report
    ) -> Tensor:
        """Of each proposal shown alone: cropped to its box (as released), or in its place (as in the paper)."""
        key = (source, directions, mode)
        if key not in features.hard:
            shown = _seen_from(features.picture, directions)
            masks = self.proposals(features, source, report).array()
            rows = []
            for number, mask in enumerate(masks):
                report(number / len(masks), "Looking at each proposal")
                alone = cut_out(shown, mask) if mode == "code" else (shown * mask[:, :, None]).astype(np.uint8)
                rows.append(self.clip.crop(less_elongated(alone)).cpu())
            features.hard[key] = torch.cat(rows)
        return features.hard[key]

    def soft_features(
        self, features: RefDiffFeatures, source: str, directions: Directions, report: Report
    ) -> tuple[Tensor, NDArray[np.bool_]]:
        """Of each proposal within the picture, and for which of them they mean something."""
        key = (source, directions)
        if key not in features.soft:
            report(None, "Looking at the proposals together")
            masks = self.proposals(features, source, report).array()
            shown = at_most(_seen_from(features.picture, directions).astype(np.uint8), LONGEST, self.clip.patch)
            found, features.readable[source] = self.clip.masked(shown, masks)
            features.soft[key] = found.cpu()
        return features.soft[key], features.readable[source]


def _seen_from(picture: NDArray[np.uint8], directions: Directions) -> NDArray[np.uint8] | NDArray[np.float32]:
    factors = ramps(directions, *picture.shape[:2])
    return picture if factors is None else dimmed(picture, factors)
