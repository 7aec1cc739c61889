"""Peekaboo as an engine: captions in, one mask each out, after minutes (docs/engines/peekaboo.md)."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import cv2
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
    Preview,
    Report,
    UnusablePrompts,
    Vocabulary,
)
from inference.models.diffusion.stable import StableDiffusion, surplus
from inference.models.peekaboo.marks import Marks, marks_of, seen_in
from inference.models.peekaboo.presets import chosen
from inference.models.peekaboo.search import Search
from inference.prompts import MaskArray, Prompt, PromptSet, Reference, Text
from inference.results import Candidate, Frame, Ignored, Label, LabelScores, Logits, Memory, Region, Segmentation
from inference.results import to_image_size as placed

APART = 0.05
"""The least weight of the intersection loss when there are negative captions: without it they would say nothing."""

WARM_SHARE = 3
"""From a start, one iteration where there would be this many."""

PREVIEW_EVERY = 0.2
PREVIEW_SIDE = 256
ALPHA, REGION = "alpha", "region"
"""What the memory holds: alpha float16 (k, s, s), and the region of the image (xyxy) that it covers."""


@dataclass(frozen=True, slots=True, eq=False)
class PeekabooFeatures:
    """The pixels: nothing of a composite can be computed before there is an alpha."""

    pixels: NDArray[np.uint8]
    key: str

    @property
    def nbytes(self) -> int:
        return int(self.pixels.nbytes)


class PeekabooSegmenter:
    """Deterministic for a seed. A run that was cancelled, or gave way, goes on where it was when it is asked again."""

    def __init__(self, spec: EngineSpec, diffusion: StableDiffusion, fingerprint: str) -> None:
        self.spec = spec
        self.fingerprint = fingerprint
        self._diffusion = diffusion
        self._preset = chosen(spec, {})
        self._seed = 0
        self._interrupted: tuple[object, Search] | None = None

    def reseed(self, seed: int) -> None:
        self._seed = seed

    def configure(self, options: Options) -> None:
        """Use these options for what follows. Raises :class:`UnusableOption`."""
        self._preset = chosen(self.spec, options)

    def encode(self, image: Image, report: Report) -> PeekabooFeatures:
        """Costs nothing."""
        report(None, "Ready")
        return PeekabooFeatures(image.pixels, image.content_hash)

    def segment(self, features: Features, prompts: PromptSet, memory: Memory | None, report: Report) -> Segmentation:
        """One mask per positive caption. Negative captions take pixels away from them; boxes bound the first one's
        object, masks and outlines are where it starts, clicks and strokes are certain (:func:`marks_of`)."""
        assert isinstance(features, PeekabooFeatures)
        said = tuple(prompts)
        wanted = [each.text.strip() for each in said if isinstance(each, Text) and each.positive and each.text.strip()]
        unwanted = [each.text.strip() for each in said if isinstance(each, Text) and not each.positive]
        unwanted = [text for text in unwanted if text]
        if not wanted:
            raise UnusablePrompts("Peekaboo needs a caption of what to find.")
        search, names = self._search(features, said, wanted, unwanted, memory)
        self._interrupted = (self._key(features, said, memory), search)
        search.run(report, self._shown(features, search.marks))
        self._interrupted = None
        alphas = search.alphas().cpu().numpy()
        kept = {ALPHA: alphas.astype(np.float16), REGION: np.array(search.marks.region)}
        return Segmentation(
            self._candidates(alphas, names, features, search.marks),
            Memory(self.spec.name, kept),
            self._ignored(said, [*wanted, *unwanted]),
            (search.ended,),
        )

    def everything(self, features: Features, vocabulary: Vocabulary | None, report: Report) -> list[Region]:
        raise EngineError("Peekaboo finds what captions describe: it does not go through whole images.")

    def label(self, features: Features, masks: Sequence[MaskArray], vocabulary: Vocabulary) -> LabelScores:
        raise EngineError("Peekaboo does not name objects.")

    def _search(
        self,
        features: PeekabooFeatures,
        said: tuple[Prompt, ...],
        wanted: list[str],
        unwanted: list[str],
        memory: Memory | None,
    ) -> tuple[Search, list[str]]:
        """The search for the prompts, or the one for the same prompts that was interrupted; names of its masks."""
        preset = self._preset
        names = [", ".join(wanted)] if preset.averaged else wanted
        if self._interrupted is not None and self._interrupted[0] == self._key(features, said, memory):
            return self._interrupted[1], names
        self._interrupted = None
        if unwanted:
            preset = replace(preset, intersection=max(preset.intersection, APART))
        embedded = self._embedded(["", *wanted, *unwanted]).to(self._diffusion.device)
        empty, rows = embedded[:1], [embedded[row : row + 1] for row in range(1, len(embedded))]
        if preset.averaged:
            rows = [torch.cat(rows[: len(wanted)]).mean(0, keepdim=True), *rows[len(wanted) :]]
        height, width = features.pixels.shape[:2]
        marks = marks_of(said, height, width, preset.alpha_size)
        start = _start(marks, memory, self.spec.name, len(rows))
        if start is not None:
            preset = replace(preset, iterations=-(-preset.iterations // WARM_SHARE))
        image = torch.from_numpy(seen_in(features.pixels, marks.region, preset.alpha_size)).to(self._diffusion.device)
        pairs = [torch.cat([empty, row]) for row in rows]
        return Search(self._diffusion, preset, image, pairs, marks, self._seed, start), names

    def _key(self, features: PeekabooFeatures, said: tuple[Prompt, ...], memory: Memory | None) -> object:
        return features.key, said, memory, self._preset, self._seed

    def _embedded(self, texts: list[str]) -> Tensor:
        rows = text_embeddings.shared().get(
            f"{self.fingerprint} diffusion",
            texts,
            lambda new: self._diffusion.embed(new).float().flatten(1).cpu().numpy(),
        )
        return torch.from_numpy(rows).reshape(len(texts), self._diffusion.context, -1)

    def _shown(self, features: PeekabooFeatures, marks: Marks) -> Callable[[Tensor], Preview | None]:
        """Previews of the first mask over the whole image, at most five in a second."""
        height, width = features.pixels.shape[:2]
        scale = min(1.0, PREVIEW_SIDE / max(height, width))
        rows, columns = max(1, round(height * scale)), max(1, round(width * scale))
        x0, y0, x1, y1 = marks.region
        across, down = columns / width, rows / height
        frame = Frame(rows, columns, (x0 * across, y0 * down, x1 * across, y1 * down))
        last = -PREVIEW_EVERY

        def show(alphas: Tensor) -> Preview | None:
            nonlocal last
            now = time.monotonic()
            if now - last < PREVIEW_EVERY:
                return None
            last = now
            return _sigmoid(placed(_logits(alphas[0].cpu().numpy()), frame))

        return show

    def _candidates(
        self, alphas: NDArray[np.float32], names: list[str], features: PeekabooFeatures, marks: Marks
    ) -> tuple[Candidate, ...]:
        """One for each caption that found something, in their order; the score is the mean alpha in the mask."""
        height, width = features.pixels.shape[:2]
        frame = Frame(height, width, marks.region)
        found = []
        for alpha, name in zip(alphas, names, strict=False):
            inside = alpha > 0.5
            if inside.any():
                score = float(alpha[inside].mean())
                labels = (Label(name, score),) if len(names) > 1 else ()
                logits = _logits(alpha)
                found.append(Candidate(logits, frame, score, self.spec.name, labels, calibrated=False))
        return tuple(found)

    def _ignored(self, said: Sequence[Prompt], texts: list[str]) -> tuple[Ignored, ...]:
        context = self._diffusion.context
        too_many = sum(surplus(self._diffusion.tokenizer, text, context) for text in texts)
        references = sum(isinstance(each, Reference) for each in said)
        counts = {"reference": references, f"token of the text beyond the limit of {context}": too_many}
        return tuple(Ignored(kind, count) for kind, count in counts.items() if count)


def _start(marks: Marks, memory: Memory | None, engine: str, count: int) -> Tensor | None:
    """Where a run of ``count`` captions starts, float (count, s, s): at a mask that was given, else at the last run of
    the same region; other captions start undecided."""
    start = np.full((count, *marks.inside.shape), 0.5, np.float32)
    if marks.start is not None:
        start[0] = marks.start
        return torch.from_numpy(start)
    if memory is None or memory.engine != engine or not np.array_equal(memory.arrays[REGION], marks.region):
        return None
    last = np.asarray(memory.arrays[ALPHA], np.float32)
    shared = min(count, len(last))
    for row in range(shared):
        start[row] = cv2.resize(last[row], marks.inside.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return torch.from_numpy(start)


def _logits(alpha: NDArray[np.float32]) -> Logits:
    clipped = np.clip(alpha, 1e-6, 1 - 1e-6)
    logits: Logits = np.log(clipped / (1 - clipped)).astype(np.float32)
    return logits


def _sigmoid(logits: Logits) -> Preview:
    probability: Preview = (1 / (1 + np.exp(-logits))).astype(np.float32)
    return probability
