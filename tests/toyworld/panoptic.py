"""ODISE's protocol on the toy world: panoptic quality over things named by colour and the background, which is stuff.

The engine gets the list as a user would give it, so it compares with its background lists besides; the names that the
heads have learned count as seen, as COCO's do for the released heads. All methods see the same scenes; regions become
segments and are compared as in ``maskwright evaluate panoptic``.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from inference.engine import Vocabulary, silent
from inference.engines.odise import SPEC
from inference.evaluation.panoptic import Segments, Tally, compare, figures, segments_of
from inference.models.odise import naming, segmenter
from inference.models.odise.finish import OVERLAP
from inference.models.odise.segmenter import OdiseSegmenter, OdiseSight
from inference.prompts import MaskArray
from inference.results import Region
from tests.toyworld import models, odise_head, probe
from tests.toyworld.proposals import colour_regions
from tests.toyworld.scenes import Scene
from tests.toyworld.text_lists import SEED, image_of, scenes

STUFF = odise_head.CLASSES[-1]
WORDS = Vocabulary(odise_head.CLASSES, frozenset({STUFF}))
RESOLUTION = "half"
"""The engine's option: an image is brought to 512 pixels and seen in four crops, as the heads were trained."""

Namer = Callable[[list[MaskArray]], list[tuple[str, float]]]


def engine(weights: Path = models.WEIGHTS, trained: frozenset[str] = frozenset(odise_head.CLASSES)) -> OdiseSegmenter:
    """The program's engine round the toy files. CLIP has less say about ``trained`` names: 0.3 instead of 0.7."""
    found = OdiseSegmenter(
        SPEC,
        {"label": weights / odise_head.FILE},
        models.WEIGHTS / models.DIFFUSION,
        models.WEIGHTS / models.CLIP,
        trained=trained,
    )
    found.configure({"resolution": RESOLUTION})
    return found


def truth(scene: Scene) -> Segments:
    """Each thing by its colour, and the background as one segment."""
    numbers = np.ones((scene.size, scene.size), np.int32)
    classes = {1: STUFF}
    for place, thing in enumerate(scene.things, 2):
        numbers[thing.mask] = place
        classes[place] = f"{thing.look.colour} thing"
    return Segments(numbers, classes)


def evaluate(weights: Path, count: int, seed: int = SEED) -> dict[str, Any]:
    """Figures by method: ``pq``, ``sq``, ``rq`` over all classes, ``pq_things`` and ``pq_background``."""
    odise, unseen = engine(weights), engine(weights, frozenset())
    clip = ClipNames()
    rng = np.random.default_rng(seed)
    found: dict[str, list[dict[str, Tally]]] = {}
    for scene in scenes(count, seed):
        sight = odise.encode(image_of(scene), silent)
        regions = {
            "odise": odise.everything(sight, WORDS, silent),
            "odise, the list alone": alone(odise, sight),
            "odise, its names taken for unseen": unseen.everything(sight, WORDS, silent),
            "regions of even colour, named by CLIP": _named(scene, lambda masks, s=scene: clip.of(s, masks)),
            "regions of even colour, random names": _named(scene, lambda masks: _random(rng, masks)),
            "whole image as background": [_region(np.ones((scene.size, scene.size), bool), STUFF, 1.0)],
        }
        nothing_void = np.zeros((scene.size, scene.size), bool)
        for method, each in regions.items():
            guess = segments_of(each, (scene.size, scene.size))
            found.setdefault(method, []).append(compare(guess, truth(scene), nothing_void))
    return {method: _report(tallies) for method, tallies in found.items()}


@torch.inference_mode()
def alone(odise: OdiseSegmenter, sight: OdiseSight) -> list[Region]:
    """The answer as on the paper's benchmarks: without COCO's and ADE20K's names, which short lists meet."""
    said = naming.words(WORDS, len(WORDS.names), odise._clip.texts, torch.device("cpu"), odise._trained)
    log_probs = naming.scores(odise._model, sight.features, said).log_probs
    masks = sight.features.enlarged((sight.height, sight.width))
    found = segmenter._panoptic(log_probs, masks, said, OVERLAP)
    return [_region(mask, WORDS.names[category], score) for mask, score, category in found]


def _report(images: list[dict[str, Tally]]) -> dict[str, Any]:
    things = [{name: each for name, each in tallies.items() if name != STUFF} for tallies in images]
    stuff = [{name: each for name, each in tallies.items() if name == STUFF} for tallies in images]
    return {**figures(images), "pq_things": figures(things)["pq"], "pq_background": figures(stuff)["pq"]}


def _named(scene: Scene, namer: Namer) -> list[Region]:
    masks = colour_regions(scene.pixels)
    return [_region(mask, name, score) for mask, (name, score) in zip(masks, namer(masks), strict=True)]


def _region(mask: MaskArray, name: str, score: float) -> Region:
    return Region(mask, score, name, name != STUFF)


def _random(rng: np.random.Generator, masks: list[MaskArray]) -> list[tuple[str, float]]:
    return [(str(rng.choice(odise_head.CLASSES)), float(rng.random())) for _ in masks]


class ClipNames:
    """The toy CLIP on regions cut out on black, as it has been shown things in its training."""

    def __init__(self) -> None:
        self._clip, tokenizer = models.load_clip()
        prompts = [f"a photo of a {name}." for name in odise_head.CLASSES]
        with torch.inference_mode():
            encoded = self._clip.text_model(models.tokens(tokenizer, prompts)).pooler_output
            self._texts = functional.normalize(self._clip.text_projection(encoded), dim=-1)
        self._scale = float(self._clip.logit_scale.detach().exp())

    @torch.inference_mode()
    def of(self, scene: Scene, masks: list[MaskArray]) -> list[tuple[str, float]]:
        """The best name of each mask, and its probability."""
        cut = torch.stack([probe.clip_pixels(_cut(scene.pixels, mask)) for mask in masks])
        small = functional.interpolate(cut, size=(models.CLIP_SIDE,) * 2, mode="bilinear", antialias=True)
        seen = self._clip.visual_projection(self._clip.vision_model(small).pooler_output)
        chances = (self._scale * functional.normalize(seen, dim=-1) @ self._texts.T).softmax(-1)
        best, place = chances.max(1)
        return [(odise_head.CLASSES[int(index)], float(score)) for index, score in zip(place, best, strict=True)]


def _cut(pixels: NDArray[np.uint8], mask: MaskArray) -> NDArray[np.uint8]:
    return np.asarray(pixels * mask[..., None], np.uint8)
