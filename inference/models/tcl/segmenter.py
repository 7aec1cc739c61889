"""TCL as an engine: words in, masks out (docs/engines/tcl.md)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from inference import text_embeddings
from inference.device import torch_device, torch_dtype
from inference.engine import (
    EngineError,
    EngineSpec,
    Features,
    Image,
    Options,
    Report,
    UnusablePrompts,
    Vocabulary,
    WeightsMissing,
    WrongWeights,
)
from inference.models.clip import towers
from inference.models.seem.checkpoint import read_tensors
from inference.models.seem.files import word_pieces
from inference.models.seem.tokenizer import Tokenizer
from inference.models.tcl import checkpoint
from inference.models.tcl.model import BACKGROUND_PLAIN, BACKGROUND_REFINED
from inference.models.tcl.prompts import EVALUATION, PLAIN, filled
from inference.models.tcl.sight import TclSight, Window, halved, pooled, probabilities, winning
from inference.models.tcl.windows import normalised_pixels, windows
from inference.prompts import MaskArray, PromptSet, Text
from inference.results import OUTSIDE_LOGIT, Candidate, Frame, LabelScores, Memory, Region, Segmentation

MOST_WORDS = 3
"""Texts of so many words are names, which the templates of the evaluation say; longer ones are said as they are."""

PARTS = 4
"""Separate pieces of the answer that are offered besides the whole."""

SMALLEST_SHARE = 1e-3
"""Pieces smaller than this share of the image are dropped."""

EPSILON = 1e-6
PROMPTS_AT_ONCE, MASKS_AT_ONCE = 256, 64
_SIDES = ("vision", "text")


@dataclass(frozen=True, slots=True)
class Settings:
    """``background``: what a probability has to exceed, or None for the paper's, which depends on ``refine``."""

    refine: bool = True
    background: float | None = None

    @property
    def least(self) -> float:
        if self.background is not None:
            return self.background
        return BACKGROUND_REFINED if self.refine else BACKGROUND_PLAIN


class TclSegmenter:
    """An engine round a checkpoint. Deterministic."""

    def __init__(self, spec: EngineSpec, weights: Path, clip: Path | None) -> None:
        """``clip``: a folder with CLIP ViT-B/16, for files that lack its towers.

        Raises :class:`WrongWeights`, or :class:`WeightsMissing` when towers or word pieces are nowhere.
        """
        self.spec = spec
        tensors = read_tensors(weights)
        complete = any(name.startswith("clip_text_encoder.") for name in tensors)
        if not complete and clip is None:
            raise WeightsMissing("TCL needs CLIP ViT-B/16 besides its own file. None was found in the model folders.")
        pieces = word_pieces(weights if clip is None else clip / "config.json")
        if pieces is None:
            raise WeightsMissing("TCL needs CLIP's list of word pieces (merges.txt). None was found.")
        frozen = towers.whole(clip) if not complete and clip is not None else None
        if frozen is None:
            model = checkpoint.load(tensors)
        else:  # which knows how many heads it has
            heads, text_heads = (getattr(frozen.config, f"{side}_config").num_attention_heads for side in _SIDES)
            model = checkpoint.load(tensors, frozen.state_dict(), heads, text_heads)
        self._model = model.to(device=torch_device(), dtype=torch_dtype())
        self._tokenizer = Tokenizer.read(pieces, self._model.shape.context)
        if self._tokenizer.end + 1 != self._model.shape.words:
            raise WrongWeights(f"{pieces.name} is not the list of word pieces of this TCL model.")
        self.fingerprint = f"tcl-1-{_digest(weights)}"
        self._settings = Settings()

    def configure(self, options: Options) -> None:
        chosen = self.spec.settled(options)
        background = float(chosen["background"])
        self._settings = Settings(bool(chosen["refine"]), background if background > 0 else None)

    @torch.inference_mode()
    def encode(self, image: Image, report: Report) -> TclSight:
        """Frozen towers, masker and refinement weights of every window, once per image."""
        report(0.0, "Looking at the image")
        pixels = normalised_pixels(image.pixels).to(device=torch_device(), dtype=torch_dtype())
        rows, columns = pixels.shape[-2:]
        places = list(windows(rows, columns))
        seen = []
        for number, (down, across) in enumerate(places):
            report(number / len(places), "Looking at the image")
            seen.append(Window(down, across, halved(self._model.encode(pixels[..., down, across]))))
        return TclSight(tuple(seen), image.height, image.width, rows, columns)

    @torch.inference_mode()
    def segment(self, features: Features, prompts: PromptSet, memory: Memory | None, report: Report) -> Segmentation:
        """All that the positive texts mean, less what a negative text means more; then its separate pieces."""
        sight = cast(TclSight, features)
        texts = [prompt for prompt in prompts if isinstance(prompt, Text) and prompt.text.strip()]
        if not any(text.positive for text in texts):
            raise UnusablePrompts("TCL finds things by words only: type what to look for.")
        report(None, "Segmenting")
        embedded = torch.cat([self._said(text.text) for text in texts])
        found, order = probabilities(self._model, sight, embedded, self._settings.refine)
        wanted = found[[row for row, index in enumerate(order) if texts[index].positive]].amax(0)
        others = [row for row, index in enumerate(order) if not texts[index].positive]
        bar = torch.full_like(wanted, self._settings.least)
        if others:
            bar = torch.maximum(bar, found[others].amax(0))
        logits = _logit(wanted) - _logit(bar)
        candidates = self._candidates(_array(logits), _array(wanted), sight)
        return Segmentation(candidates, None, self.spec.ignored(prompts))

    @torch.inference_mode()
    def everything(self, features: Features, vocabulary: Vocabulary | None, report: Report) -> list[Region]:
        """The best name of each pixel where one passes the background's bar; things fall into separate pieces.

        Raises :class:`EngineError` without names. Names are enlarged one at a time.
        """
        sight = cast(TclSight, features)
        if vocabulary is None or not vocabulary.names:
            raise EngineError("TCL finds regions by name: choose a list of names first.")
        report(None, "Reading the names")
        embedded = self._names(vocabulary.names)
        report(None, "Segmenting")
        found, order = winning(self._model, sight, embedded, self._settings.refine, self._settings.least)
        best = np.full((sight.height, sight.width), self._settings.least, np.float32)
        owner = np.full((sight.height, sight.width), -1, np.int32)
        for row in range(len(order)):
            report(row / len(order), "Separating regions")
            large = cv2.resize(_array(found[row]), (sight.width, sight.height), interpolation=cv2.INTER_LINEAR)
            better = large > best
            best[better], owner[better] = large[better], row
        regions: list[Region] = []
        for row, index in enumerate(order):
            report(row / len(order), "Separating regions")
            name = vocabulary.names[index]
            is_thing = name not in vocabulary.stuff
            pieces = _pieces(owner == row, is_thing)
            regions += [Region(piece, float(best[piece].mean()), name, is_thing) for piece in pieces]
        return sorted(regions, key=lambda region: -region.score)

    @torch.inference_mode()
    def label(self, features: Features, masks: Sequence[MaskArray], vocabulary: Vocabulary) -> LabelScores:
        """Rank the names for each mask by its mean embedding; it is unknown as far as the best name is improbable."""
        sight = cast(TclSight, features)
        scores = np.zeros((len(masks), len(vocabulary.names)), np.float32)
        unknown = np.ones(len(masks), np.float32)
        rows = [row for row, mask in enumerate(masks) if mask.any()]
        if rows and vocabulary.names:
            embedded = self._names(vocabulary.names)
            scale = self._model.tclf_loss.logit_scale.float().exp().clamp(max=100)
            for start in range(0, len(rows), MASKS_AT_ONCE):
                some = rows[start : start + MASKS_AT_ONCE]
                cosines, certain = pooled(self._model, sight, [masks[row] for row in some], embedded)
                scores[some] = _array((scale * cosines).softmax(1) * certain[:, None])
                unknown[some] = 1 - _array(certain)
        return LabelScores(vocabulary.names, scores, unknown)

    def _said(self, text: str) -> Tensor:
        """The embedding (1, D) of a phrase; a short one is taken for a name."""
        return self._embedded([text.strip()], EVALUATION if len(text.split()) <= MOST_WORDS else PLAIN)

    def _names(self, names: Sequence[str]) -> Tensor:
        return self._embedded(names, EVALUATION)

    def _embedded(self, texts: Sequence[str], templates: tuple[str, ...]) -> Tensor:
        def compute(missing: list[str]) -> NDArray[np.float32]:
            rows = []
            step = max(1, PROMPTS_AT_ONCE // len(templates))
            for start in range(0, len(missing), step):
                ids = [
                    [self._tokenizer(prompt) for prompt in prompts]
                    for prompts in filled(missing[start : start + step], templates)
                ]
                rows.append(self._model.embed(torch.tensor(ids, device=torch_device())))
            return _array(torch.cat(rows))

        found = text_embeddings.shared().get(f"{self.fingerprint}-{len(templates)}", texts, compute)
        return torch.from_numpy(found).to(torch_device())

    def _candidates(
        self, logits: NDArray[np.float32], chances: NDArray[np.float32], sight: TclSight
    ) -> tuple[Candidate, ...]:
        """The whole answer first, then its largest pieces when there are several; empty when nothing passes."""
        whole = logits > 0
        frame = Frame.whole(sight.height, sight.width)
        pieces = _pieces(whole, is_thing=True)
        if not pieces:
            return ()
        candidates = [Candidate(logits, frame, float(chances[whole].mean()), self.spec.name, calibrated=False)]
        if len(pieces) > 1:
            for piece in pieces[:PARTS]:
                alone = np.where(whole & ~piece, np.float32(OUTSIDE_LOGIT), logits)
                score = float(chances[piece].mean())
                candidates.append(Candidate(alone, frame, score, self.spec.name, calibrated=False))
        return tuple(candidates)


def _pieces(mask: MaskArray, is_thing: bool) -> list[MaskArray]:
    """Connected pieces of a thing, largest first, or the whole of stuff; nothing smaller than a share of the image."""
    least = SMALLEST_SHARE * mask.size
    if not is_thing:
        return [mask] if mask.sum() >= least else []
    count, numbers, statistics, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    areas = statistics[:, cv2.CC_STAT_AREA]
    kept = [number for number in range(1, count) if areas[number] >= least]
    return [numbers == number for number in sorted(kept, key=lambda number: -int(areas[number]))]


def _logit(probability: Tensor) -> Tensor:
    return torch.logit(probability, EPSILON)


def _array(tensor: Tensor) -> NDArray[np.float32]:
    return np.asarray(tensor.float().cpu().numpy(), np.float32)


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()[:16]
