"""ODISE as an engine: an image is seen once, then words and clicks choose among its masks (docs/engines/odise.md)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image as Pillow
from torch import Tensor

from inference import labels, vocabularies
from inference.device import torch_device, torch_dtype
from inference.engine import EngineSpec, Features, Image, Options, Report, UnusablePrompts, Vocabulary, WeightsMissing
from inference.models.clip import towers
from inference.models.diffusion import stable
from inference.models.odise import checkpoint, naming
from inference.models.odise.checkpoint import Frozen
from inference.models.odise.diffusion_features import LATENT_STRIDE, crop_corners
from inference.models.odise.finish import EnlargedMasks, instances, panoptic
from inference.models.odise.model import Odise, OdiseFeatures, padded
from inference.models.seem.checkpoint import read_tensors
from inference.prompts import MaskArray, Point, PromptSet, Scribble, Text
from inference.results import Candidate, Frame, LabelScores, Memory, Region, Segmentation

SHORT, LONG = 1024, 2560
"""Sides that images are resized to: the shorter one, unless the longer would pass its limit."""

LONG_LIST = 50
"""Lists of so many names stand alone; shorter ones are compared with a background of other classes."""

CANDIDATES = 5
MASKS_AT_ONCE, CLASSES_AT_ONCE = 64, 64
LEAST_LIKELY = 0.01
LABEL, CAPTION = "label", "caption"


@dataclass(frozen=True, slots=True, eq=False)
class OdiseSight:
    """What is kept of an image of ``height`` x ``width`` pixels."""

    features: OdiseFeatures
    height: int
    width: int

    @property
    def nbytes(self) -> int:
        return self.features.nbytes

    @property
    def frame(self) -> Frame:
        """Where the masks, which reach over the padding, lie in the image."""
        rows, columns = self.features.image
        down, across = self.features.padded
        return Frame(self.height, self.width, (0.0, 0.0, across * self.width / columns, down * self.height / rows))


class OdiseSegmenter:
    """An engine round one or both released heads. Deterministic."""

    def __init__(
        self,
        spec: EngineSpec,
        heads: Mapping[str, Path],
        diffusion: Path,
        clip: Path,
        trained: frozenset[str] | None = None,
    ) -> None:
        """``heads`` by kind, :data:`LABEL` or :data:`CAPTION`, at least one; ``diffusion`` and ``clip``: folders;
        ``trained``: the names of the classes that the heads have learned, when they are not the released ones.

        Raises :class:`WrongWeights` when one of them is of another architecture.
        """
        self.spec = spec
        self._heads, self._trained = dict(heads), trained
        self._clip = towers.load(clip)
        parts: Any = stable.load(diffusion, torch_device(), torch_dtype())
        self._frozen = Frozen(
            unet=parts.unet,
            vae=parts.vae.to(torch_dtype()),
            clip=self._clip.vision,
            empty=parts.embed([""]).float(),
            clip_scale=self._clip.scale,
            crop=int(parts.unet.config.sample_size) * LATENT_STRIDE,
        )
        self._frozen_print = f"{self._clip.fingerprint}-{towers.fingerprint(diffusion / 'unet')}"
        self._settings = spec.settled({})
        self._loaded: tuple[str, Odise, str] | None = None
        self._use(str(self._settings["head"]), is_default=True)

    @property
    def fingerprint(self) -> str:
        """Also of the resolution: other features."""
        assert self._loaded is not None
        return f"odise-1-{self._loaded[2]}-{self._frozen_print}-{self._settings['resolution']}"

    @property
    def _model(self) -> Odise:
        assert self._loaded is not None
        return self._loaded[1]

    def configure(self, options: Options) -> None:
        """Raises :class:`WeightsMissing` when the file of a head that was asked for is not there."""
        settings = self.spec.settled(options)
        self._use(str(settings["head"]), is_default="head" not in options)
        self._settings = settings

    @torch.inference_mode()
    def encode(self, image: Image, report: Report) -> OdiseSight:
        """Diffusion features crop by crop, masks, and both sides' embeddings; the long part, once per image."""
        pixels = self._resized(image)
        whole = padded(pixels)
        height, width = whole.shape[-2:]
        count = len(list(crop_corners(height, width, min(self._frozen.crop, height, width))))
        done = iter(range(count))
        maps = self._model.features(whole, lambda: report(next(done) / (count + 1), "Looking at the image"))
        report(count / (count + 1), "Finding masks")
        found = self._model.generator([level.float() for level in maps])
        return OdiseSight(self._model.describe(pixels, found).halved(), image.height, image.width)

    @torch.inference_mode()
    def segment(self, features: Features, prompts: PromptSet, memory: Memory | None, report: Report) -> Segmentation:
        """The image's masks by how well words and clicks fit them; negative ones speak against."""
        sight = cast(OdiseSight, features)
        said = [prompt for prompt in prompts if prompt.kind in self.spec.prompts and not _is_blank(prompt)]
        if not any(prompt.positive for prompt in said):
            raise UnusablePrompts("ODISE needs words, or a positive point or scribble.")
        report(None, "Segmenting")
        fit = torch.ones(len(sight.features.masks), device=torch_device())
        texts = [prompt for prompt in said if isinstance(prompt, Text)]
        if texts:
            fit = fit * self._spoken(sight, texts)
        visible = [prompt for prompt in said if isinstance(prompt, Point | Scribble)]
        if visible:
            fit = fit * _touched(sight, visible)
        masks = sight.features.masks.float()
        sure = _sureness(masks)
        ranked = (fit * sure).argsort(descending=True, stable=True)[:CANDIDATES]
        candidates = tuple(
            Candidate(_array(masks[query]), sight.frame, float(fit[query] * sure[query]), self.spec.name)
            for query in (int(each) for each in ranked)
            if float(fit[query]) >= LEAST_LIKELY and bool((masks[query] > 0).any())
        )
        return Segmentation(candidates, None, self.spec.ignored(prompts))

    @torch.inference_mode()
    def everything(self, features: Features, vocabulary: Vocabulary | None, report: Report) -> list[Region]:
        """Regions with names of the vocabulary, or of the background lists without one. Masks are enlarged one at a
        time, and no further than the model's resolution before they are put together."""
        sight = cast(OdiseSight, features)
        whole, wanted = _compared(vocabulary)
        report(None, "Reading the names")
        said = naming.words(whole, wanted, self._clip.texts, torch_device(), self._trained)
        log_probs = naming.scores(self._model, sight.features, said).log_probs
        report(None, "Finding regions")
        output = (min(sight.height, sight.features.image[0]), min(sight.width, sight.features.image[1]))
        masks = sight.features.enlarged(output)
        kind = self._settings["regions"]
        if kind == "instance":
            found = _instances(log_probs, masks, said)
        elif kind == "semantic":
            found = _semantic(log_probs, sight, output)
        else:
            found = _panoptic(log_probs, masks, said, float(self._settings["overlap"]))
        regions = []
        for mask, score, category in found:
            if category < wanted:
                report(None, "Finding regions")
                large = _enlarged(mask, sight.height, sight.width)
                regions.append(Region(large, score, whole.names[category], whole.names[category] not in whole.stuff))
        return sorted(regions, key=lambda region: -region.score)

    @torch.inference_mode()
    def label(self, features: Features, masks: Sequence[MaskArray], vocabulary: Vocabulary) -> LabelScores:
        """Rank the names for each mask, of whatever origin; an empty mask is unknown."""
        sight = cast(OdiseSight, features)
        count = len(vocabulary.names)
        scores = np.zeros((len(masks), count), np.float32)
        unknown = np.ones(len(masks), np.float32)
        rows = [row for row, mask in enumerate(masks) if mask.any()]
        if rows and count:
            said = naming.words(labels.against(vocabulary), count, self._clip.texts, torch_device(), self._trained)
            for start in range(0, len(rows), MASKS_AT_ONCE):
                some = rows[start : start + MASKS_AT_ONCE]
                chances = _array(naming.name_masks(self._model, sight.features, [masks[row] for row in some], said))
                scores[some], unknown[some] = chances[:, :count], chances[:, count:].sum(1)
        return LabelScores(vocabulary.names, scores, unknown)

    def _use(self, head: str, is_default: bool) -> None:
        """Load the head of that kind; by default whichever is there."""
        if head not in self._heads and is_default:
            head = next(iter(self._heads))
        if self._loaded is not None and self._loaded[0] == head:
            return
        if head not in self._heads:
            raise WeightsMissing(f"ODISE's {head} model was not found in the model folders.")
        path = self._heads[head]
        model = checkpoint.load(read_tensors(path), self._frozen).to(torch_device())
        self._loaded = head, model, _digest(path)

    def _resized(self, image: Image) -> Tensor:
        """float (1, 3, h, w) in 0..1, at the model's resolution."""
        part = 0.5 if self._settings["resolution"] == "half" else 1.0
        scale = min(part * SHORT / min(image.height, image.width), part * LONG / max(image.height, image.width))
        size = int(image.width * scale + 0.5), int(image.height * scale + 0.5)
        small = Pillow.fromarray(image.pixels).resize(size, Pillow.Resampling.BILINEAR)
        return torch.from_numpy(np.array(small)).to(torch_device()).permute(2, 0, 1)[None].float() / 255

    def _spoken(self, sight: OdiseSight, texts: Sequence[Text]) -> Tensor:
        """The probability (Q,) that each mask is what any positive text means and no negative one, compared with the
        background of other classes."""
        names = tuple(dict.fromkeys(text.text.strip() for text in texts))
        whole = vocabularies.with_background(Vocabulary(names))
        said = naming.words(whole, len(names), self._clip.texts, torch_device(), self._trained)
        chances = naming.scores(self._model, sight.features, said).log_probs.softmax(-1)
        wanted = [names.index(text.text.strip()) for text in texts if text.positive]
        if not wanted:
            others = [names.index(text.text.strip()) for text in texts]
            return 1 - chances[:, others].sum(1)
        return chances[:, wanted].amax(1)


def _is_blank(prompt: object) -> bool:
    return isinstance(prompt, Text) and not prompt.text.strip()


def _compared(vocabulary: Vocabulary | None) -> tuple[Vocabulary, int]:
    """The classes to tell apart, and how many of them, from the first, are shown."""
    if vocabulary is None or not vocabulary.names:
        whole = vocabularies.with_background(Vocabulary(()))
        return whole, len(whole.names)
    if len(vocabulary.names) >= LONG_LIST:
        return vocabulary, len(vocabulary.names)
    return vocabularies.with_background(vocabulary), len(vocabulary.names)


def _touched(sight: OdiseSight, prompts: Sequence[Point | Scribble]) -> Tensor:
    """How far each mask (Q,) holds the positive places and none of the negative ones, 0..1."""
    masks = sight.features.masks
    _, _, across, down = sight.frame.region
    fit = torch.ones(len(masks), device=masks.device)
    for positive in (True, False):
        places = [place for prompt in prompts if prompt.positive is positive for place in _places(prompt)]
        if not places:
            continue
        rows = torch.tensor([int(y / down * masks.shape[1]) for _, y in places]).clamp(0, masks.shape[1] - 1)
        columns = torch.tensor([int(x / across * masks.shape[2]) for x, _ in places]).clamp(0, masks.shape[2] - 1)
        inside = masks[:, rows, columns].float().sigmoid().mean(1)
        fit = fit * (inside if positive else 1 - inside)
    return fit


def _places(prompt: Point | Scribble) -> tuple[tuple[float, float], ...]:
    return ((prompt.x, prompt.y),) if isinstance(prompt, Point) else prompt.vertices


def _sureness(masks: Tensor) -> Tensor:
    """The mean probability (Q,) inside each mask."""
    inside = masks > 0
    return (masks.sigmoid() * inside).sum((1, 2)) / inside.sum((1, 2)).clamp(min=1)


def _panoptic(
    log_probs: Tensor, masks: EnlargedMasks, said: naming.Words, overlap: float
) -> Iterator[tuple[MaskArray, float, int]]:
    ids, segments = panoptic(log_probs, masks, said.classes.things, overlap=overlap)
    found = ids.cpu().numpy()
    for segment in segments:
        yield found == segment.id, segment.score, segment.category


def _instances(log_probs: Tensor, masks: EnlargedMasks, said: naming.Words) -> Iterator[tuple[MaskArray, float, int]]:
    found = instances(log_probs, masks, said.classes.things)
    for mask, score, category in zip(found.masks, found.scores, found.categories, strict=True):
        yield mask.cpu().numpy(), float(score), int(category)


def _semantic(log_probs: Tensor, sight: OdiseSight, output: tuple[int, int]) -> Iterator[tuple[MaskArray, float, int]]:
    """The class with the most evidence at each pixel. Classes that win nowhere on the grid of the masks are not
    enlarged; evidence is worked out for a few classes at a time."""
    features = sight.features
    probabilities = log_probs.softmax(-1)[:, :-1]
    shares = features.masks.float().sigmoid()
    most, leader = torch.full_like(shares[0], -1.0), torch.zeros_like(shares[0], dtype=torch.int64)
    for start in range(0, probabilities.shape[1], CLASSES_AT_ONCE):
        part = torch.einsum("qk,qhw->khw", probabilities[:, start : start + CLASSES_AT_ONCE], shares)
        value, place = part.max(0)
        leader = torch.where(value > most, place + start, leader)
        most = torch.maximum(most, value)
    winners = torch.unique(leader)
    evidence = torch.einsum("qk,qhw->khw", probabilities[:, winners], shares)
    masks = EnlargedMasks(evidence, features.padded, features.image, output)
    best = torch.full(output, -1.0, device=evidence.device)
    owner = torch.zeros(output, dtype=torch.int64, device=evidence.device)
    for number in range(len(winners)):
        each = masks[number]
        owner = torch.where(each > best, number, owner)
        best = torch.maximum(best, each)
    for number, category in enumerate(winners.tolist()):
        mine = owner == number
        yield mine.cpu().numpy(), float(best[mine].mean().clamp(max=1)) if bool(mine.any()) else 0.0, int(category)


def _enlarged(mask: MaskArray, height: int, width: int) -> MaskArray:
    """At image size, with smooth edges; masks that do not overlap do not overlap then either."""
    if mask.shape == (height, width):
        return mask
    large = cv2.resize(mask.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(large > 0.5, np.bool_)


def _array(tensor: Tensor) -> NDArray[np.float32]:
    return np.asarray(tensor.float().cpu().numpy(), np.float32)


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()[:16]
