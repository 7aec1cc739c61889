"""Ref-Diff as an engine: a referring expression in, regions of the image out (docs/engines/refdiff.md)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from inference import text_embeddings
from inference.engine import (
    EngineError,
    EngineSpec,
    Features,
    Image,
    Options,
    Report,
    UnusablePrompts,
    Vocabulary,
)
from inference.models.diffusion.stable import StableDiffusion, surplus
from inference.models.refdiff import heat, scores
from inference.models.refdiff.answering import Found, answer, fitting
from inference.models.refdiff.attention import WordMaps, word_maps
from inference.models.refdiff.clip import MaskClip
from inference.models.refdiff.looking import TEXTS_KEPT, Looker, Proposer, RefDiffFeatures
from inference.models.refdiff.pieces import pieces
from inference.models.refdiff.ramp import places
from inference.models.refdiff.root_word import RootWord, directions
from inference.models.refdiff.settings import LEVELS, PIECES, Settings
from inference.models.refdiff.words import meant_word, token_of
from inference.prompts import Box, MaskArray, Point, PromptSet, Text
from inference.results import Ignored, LabelScores, Memory, Region, Segmentation

AT_ONCE = 4
"""Expressions in one call of the UNet."""


class RefDiffSegmenter:
    """Deterministic for a seed: the latent's sample and the noise come from a generator of its own."""

    def __init__(
        self,
        spec: EngineSpec,
        diffusion: StableDiffusion,
        clip: MaskClip,
        fingerprint: str,
        proposer: Proposer,
        is_installed: Callable[[str], bool],
    ) -> None:
        """``proposer`` gives an engine by name that finds regions; ``is_installed`` says whether it can."""
        self.spec = spec
        self.fingerprint = fingerprint
        self._diffusion = diffusion
        self._clip = clip
        self._looker = Looker(diffusion, clip, proposer)
        self._is_installed = is_installed
        self._seed = 0
        self.settings = Settings.of(spec, {}, is_installed)

    def reseed(self, seed: int) -> None:
        """The seed of the noise for what follows."""
        self._seed = seed

    def configure(self, options: Options) -> None:
        """Use these options for what follows. Raises :class:`UnusableOption`."""
        self.settings = Settings.of(self.spec, options, self._is_installed)

    def encode(self, image: Image, report: Report) -> RefDiffFeatures:
        """All that does not depend on the text: proposals, the latent, CLIP's features of the proposals."""
        features = self._looker.begin(image)
        self._looker.latent(features, self.settings.size, report)
        if self.settings.source not in (LEVELS, PIECES):
            self._looker.proposals(features, self.settings.source, report)
            self._looker.soft_features(features, self.settings.source, (), report)
            self._looker.hard_features(features, self.settings.source, (), self.settings.mode, report)
        return features

    def segment(self, features: Features, prompts: PromptSet, memory: Memory | None, report: Report) -> Segmentation:
        """The regions that the words mean, best first. Positive points must lie in them and negative ones outside; of
        a box they must fill it by 80 % of their area. Costs two calls of the UNet for new words, else none."""
        assert isinstance(features, RefDiffFeatures)
        said = tuple(prompts)
        words = ", ".join(each.text.strip() for each in said if isinstance(each, Text) and each.positive)
        if not words.strip(" ,"):
            raise UnusablePrompts("Ref-Diff needs words that say which object is meant.")
        (found,) = self._found(features, [words], report)
        places = [each for each in said if isinstance(each, Point | Box)]
        refused = sum(1 for each in said if isinstance(each, Text) and not each.positive)
        ignored = [*self.spec.ignored(prompts), *([Ignored("negative text", refused)] if refused else [])]
        too_many = surplus(self._diffusion.tokenizer, words + ", ", self._diffusion.context)
        if too_many:
            ignored.append(Ignored(f"token of the text beyond the limit of {self._diffusion.context}", too_many))
        kept = fitting(found, places, (features.height, features.width))
        result = answer(found, kept, (features.height, features.width), self.settings, self.spec.name)
        return replace(result, ignored=tuple(ignored))

    def find(self, features: Features, expressions: Sequence[str], report: Report) -> list[Segmentation]:
        """As :meth:`segment`, for many expressions at once: two calls of the UNet for every four new ones."""
        assert isinstance(features, RefDiffFeatures)
        if not all(each.strip(" ,") for each in expressions):
            raise UnusablePrompts("Ref-Diff needs words that say which object is meant.")
        size = (features.height, features.width)
        return [
            answer(found, fitting(found, [], size), size, self.settings, self.spec.name)
            for found in self._found(features, expressions, report)
        ]

    def heat(self, features: Features, text: str, word: RootWord, report: Report) -> NDArray[np.float64]:
        """Where Stable Diffusion sees a word of a text, float (H, W) in [0, 1] of the picture; free for known texts."""
        assert isinstance(features, RefDiffFeatures)
        (maps,) = self._word_maps(features, [text], report)
        return self._heat(features, maps, token_of(self._diffusion.tokenizer, text, word, self._diffusion.context))

    def everything(self, features: Features, vocabulary: Vocabulary | None, report: Report) -> list[Region]:
        raise EngineError("Ref-Diff finds what words describe: it does not go through whole images.")

    def label(self, features: Features, masks: Sequence[MaskArray], vocabulary: Vocabulary) -> LabelScores:
        raise EngineError("Ref-Diff does not name objects.")

    def _found(self, features: RefDiffFeatures, texts: Sequence[str], report: Report) -> list[Found]:
        maps = self._word_maps(features, texts, report)
        report(None, "Scoring")
        return [self._scored(features, text, each, report) for text, each in zip(texts, maps, strict=True)]

    def _scored(self, features: RefDiffFeatures, text: str, maps: WordMaps, report: Report) -> Found:
        settings, tokenizer = self.settings, self._diffusion.tokenizer
        root = meant_word(text, settings.root)
        c = self._heat(features, maps, token_of(tokenizer, text, root, self._diffusion.context))
        named = directions(text) if settings.directions else ()
        if settings.source in (LEVELS, PIECES):
            return _of_the_map(text, root, c, settings, named)
        proposals = self._looker.proposals(features, settings.source, report)
        released = settings.mode == "code"
        hard = self._looker.hard_features(
            features, settings.source, named if released else (), settings.mode, report
        )  # fmt: skip
        soft, readable = self._looker.soft_features(features, settings.source, () if released else named, report)
        full, core = self._clip_texts([text, root.word or text])
        both = 0.5 * full + 0.5 * core
        masks = proposals.array()
        parts = scores.Parts(
            (hard @ (full if released else both)).numpy(), (soft @ both).numpy(), scores.attention_scores(c, masks)
        )
        pixels = features.picture.shape[0] * features.picture.shape[1]
        counts = scores.large_ones(proposals.areas, settings.largest, settings.smallest * pixels)
        return Found(text, root, c, masks, parts, counts & readable)

    def _heat(self, features: RefDiffFeatures, maps: WordMaps, token: int) -> NDArray[np.float64]:
        if self.settings.mode == "paper":
            return heat.paper_map(maps.shares, token, features.square).astype(np.float64)
        return heat.released_map(heat.as_levels(heat.column(maps.logits, token)), features.square)

    def _word_maps(self, features: RefDiffFeatures, texts: Sequence[str], report: Report) -> list[WordMaps]:
        size, steps = self.settings.size, self.settings.steps
        keys = {text: (text, self._seed, size, steps) for text in texts}
        found = {text: features.maps[key] for text, key in keys.items() if key in features.maps}
        new = [text for text in keys if text not in found]
        for first in range(0, len(new), AT_ONCE):
            some = new[first : first + AT_ONCE]
            for text, maps in zip(some, self._recorded(features, some, report), strict=True):
                found[text] = features.maps[keys[text]] = maps
        for text in texts:
            features.maps.move_to_end(keys[text])
        while len(features.maps) > TEXTS_KEPT:
            features.maps.popitem(last=False)
        return [found[text] for text in texts]

    def _recorded(self, features: RefDiffFeatures, texts: list[str], report: Report) -> list[WordMaps]:
        size, steps = self.settings.size, self.settings.steps
        device = self._diffusion.device
        known = self._looker.latent(features, size, report)
        generator = torch.Generator().manual_seed(self._seed)
        sample, noise = (torch.randn(known.mean.shape, generator=generator) for _ in range(2))
        latent = self._diffusion.vae.config.scaling_factor * (known.mean + known.deviation * sample)
        embedded = self._embedded(["", *(f"{text}, " for text in texts)]).to(device)
        maps = word_maps(
            self._diffusion, latent.to(device), noise.to(device), embedded[:1], embedded[1:], steps,
            before_call=lambda call: report(call / steps, f"Looking for the words, step {call + 1} of {steps}"),
        )  # fmt: skip
        return [WordMaps(each.logits.cpu(), each.shares.cpu()) for each in maps]

    def _embedded(self, texts: list[str]) -> Tensor:
        """Stable Diffusion's embeddings (n, 77, D) of texts; those of earlier texts are kept."""
        rows = text_embeddings.shared().get(
            f"{self.fingerprint} diffusion",
            texts,
            lambda new: self._diffusion.embed(new).float().flatten(1).cpu().numpy(),
        )
        return torch.from_numpy(rows).reshape(len(texts), self._diffusion.context, -1)

    def _clip_texts(self, texts: list[str]) -> Tensor:
        rows = text_embeddings.shared().get(
            f"{self.fingerprint} clip", texts, lambda new: self._clip.texts(new).cpu().numpy()
        )
        return torch.from_numpy(rows)


def _of_the_map(
    text: str, root: RootWord, heat: NDArray[np.float64], settings: Settings, named: Sequence[str]
) -> Found:
    """The weight-free answer: proposals out of the map, judged by it alone, and pieces by the named side as well."""
    if settings.source == PIECES:
        masks = pieces(heat)
        place = places(named, masks)
    else:
        masks, place = scores.level_masks(heat), None
        masks = masks[masks.any((1, 2))] if masks.any() else np.ones_like(masks[:1])
    attention = scores.attention_scores(heat, masks)
    nothing = np.zeros_like(attention)
    counts = masks.sum((1, 2)) > settings.smallest * heat.size
    return Found(text, root, heat, masks, scores.Parts(nothing, nothing, attention, place), counts)
