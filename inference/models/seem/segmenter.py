"""SEEM as an engine: images and prompts of a person in, masks with labels out (docs/engines/seem.md)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image as Pillow
from torch import Tensor

from inference import text_embeddings, vocabularies
from inference.device import torch_device
from inference.engine import (
    EngineError,
    EngineSpec,
    Features,
    Image,
    Options,
    Report,
    UnusablePrompts,
    Vocabulary,
    WrongWeights,
    silent,
)
from inference.models.seem import checkpoint
from inference.models.seem.drawing import ModelFrame, drawn
from inference.models.seem.finish import cropped, enlarged
from inference.models.seem.layout import COMPOSITE, DEMO, V0, GroupName
from inference.models.seem.prompting import ModelPrompts
from inference.models.seem.rounds import Example, Found, Phrase, as_array, play, to_candidate
from inference.models.seem.shape import RELEASED, SeemShape, Sizes, VitShape
from inference.models.seem.sight import Sight
from inference.models.seem.templates import BACKGROUND, TEMPLATES, spoken
from inference.models.seem.tokenizer import Tokenizer
from inference.models.seem.whole_image import by_class, regions
from inference.prompts import MaskArray, MaskPrompt, Prompt, PromptSet, Reference, Text
from inference.results import Candidate, Ignored, LabelScores, Memory, Region, Segmentation

SHORT, LONG = 512, 1024
"""Sides that images are resized to: the shorter one, unless the longer would pass its limit (RefCOCO evaluation)."""

CANDIDATES = 3
PREVIOUS = "previous mask"
OWN_NAMES = "coco133"
"""The names of a whole-image run that nobody gave names to: those of the training."""

LAYOUTS = {"composite": COMPOSITE, "demo": DEMO}

NO_WORD_PIECES = "SEEM needs CLIP's list of word pieces (merges.txt) next to its weights file for texts and labels."


@dataclass(frozen=True, slots=True, eq=False)
class SeemFeatures:
    """What rounds need of an image, and how it was brought to the model's size."""

    sight: Sight
    frame: ModelFrame

    @property
    def nbytes(self) -> int:
        return self.sight.nbytes


class SeemSegmenter:
    """An engine round a checkpoint. Deterministic; the official random choice of points is an even one here."""

    def __init__(
        self, spec: EngineSpec, weights: Path, word_pieces: Path | None, shape: SeemShape | None = None
    ) -> None:
        """``shape`` None: one of the released architectures, recognised by tensor names and shapes.

        Raises :class:`WrongWeights` for every other file.
        """
        tensors = checkpoint.read_tensors(weights)
        title = "SEEM"
        if shape is None:
            title, shape = _nearest(checkpoint.sizes_of(tensors))
        self.spec = spec
        self._model = checkpoint.load(tensors, shape, title).to(torch_device())
        self._tokenizer = Tokenizer.read(word_pieces, shape.text.context) if word_pieces is not None else None
        if self._tokenizer is not None and self._tokenizer.end + 1 != shape.text.vocabulary:
            assert word_pieces is not None
            raise WrongWeights(
                f"{word_pieces.name} is not the list of word pieces that this SEEM file was trained with."
            )
        self.fingerprint = f"seem-1-{_digest(weights)}"
        self._reference: tuple[str, Sight] | None = None
        self._options = spec.settled({})

    def configure(self, options: Options) -> None:
        """``layout``, ``box`` and ``regions`` of docs/engines/seem.md. Raises ``UnusableOption``."""
        self._options = self.spec.settled(options)

    @torch.inference_mode()
    def encode(self, image: Image, report: Report) -> SeemFeatures:
        """Image encoder and pixel decoder, once per image."""
        report(None, "Looking at the image")
        sight, rows, columns = self._look(image.pixels)
        return SeemFeatures(sight, ModelFrame(image.height, image.width, rows, columns, sight.padded))

    @torch.inference_mode()
    def segment(self, features: Features, prompts: PromptSet, memory: Memory | None, report: Report) -> Segmentation:
        """One round: all prompts of the object in one forward, with the mask of the previous round as memory."""
        assert isinstance(features, SeemFeatures)
        said = tuple(prompts)
        report(None, "Segmenting")
        phrase = self._phrase([each.text for each in said if isinstance(each, Text) and each.positive])
        example = self._example([each for each in said if isinstance(each, Reference)], report)
        visible = [each for each in said if not isinstance(each, Text | Reference)]
        previous = self._recalled(features, memory)
        found = play(
            self._model,
            features.sight,
            features.frame,
            visible,
            phrase,
            example,
            previous,
            CANDIDATES,
            mixing=LAYOUTS[str(self._options["layout"])],
            fill_boxes=self._options["box"] == "inside",
        )
        if found is None:
            raise UnusablePrompts("SEEM needs a positive point, box, scribble, polygon, mask, reference or text.")
        kept = Memory(self.spec.name, {PREVIOUS: as_array(found[0].low[0, 0])})
        refused = sum(1 for each in said if isinstance(each, Text) and not each.positive)
        ignored = (Ignored("text", refused),) if refused else ()
        return Segmentation(tuple(self._candidate(each, features, visible) for each in found), kept, ignored)

    @torch.inference_mode()
    def everything(self, features: Features, vocabulary: Vocabulary | None, report: Report) -> list[Region]:
        """Panoptic, semantic or instance regions (option ``regions``), named by the vocabulary or by COCO's 133 names.

        Raises :class:`EngineError` without a list of word pieces.
        """
        assert isinstance(features, SeemFeatures)
        named = vocabulary if vocabulary is not None and vocabulary.names else vocabularies.packaged(OWN_NAMES)
        frame = features.frame
        report(None, "Reading the names")
        names, owners = self._names(named, report)
        report(None, "Finding regions")
        answer = self._model.decode(features.sight, V0, ModelPrompts(), {GroupName.OBJECT_QUERIES})[
            GroupName.OBJECT_QUERIES
        ]
        low = answer.masks(features.sight)
        masks = enlarged(cropped(low, frame.padded, (frame.rows, frame.columns)), (frame.height, frame.width))[0]
        logits = by_class(self._model.text.class_logits(answer.class_vectors, names)[0], owners)
        report(None, "Deciding on regions")
        return regions(str(self._options["regions"]), logits, masks, named)

    @torch.inference_mode()
    def label(self, features: Features, masks: Sequence[MaskArray], vocabulary: Vocabulary) -> LabelScores:
        """Rank the names for each mask: the mask is a prompt, and the query that answers it is compared with texts."""
        assert isinstance(features, SeemFeatures)
        names, owners = self._names(vocabulary)
        rows = np.zeros((len(masks), len(vocabulary.names)), np.float32)
        unknown = np.ones(len(masks), np.float32)
        for index, mask in enumerate(masks):
            prompt = MaskPrompt(mask)
            inside, _ = drawn([prompt], features.frame)
            if not inside.any():
                continue
            found = play(self._model, features.sight, features.frame, [prompt], None, None, None, 1)
            assert found is not None
            chances = by_class(self._model.text.class_logits(found[0].class_vector, names), owners).softmax(-1)
            rows[index], unknown[index] = as_array(chances[:-1]), float(chances[-1])
        return LabelScores(vocabulary.names, rows, unknown)

    def _candidate(self, found: Found, features: SeemFeatures, prompts: Sequence[Prompt]) -> Candidate:
        logits, frame = to_candidate(found.low, prompts, features.frame)
        return Candidate(logits, frame, found.score, self.spec.name, calibrated=False)

    def _recalled(self, features: SeemFeatures, memory: Memory | None) -> Tensor | None:
        if memory is None or memory.engine != self.spec.name or PREVIOUS not in memory.arrays:
            return None
        previous = torch.from_numpy(np.asarray(memory.arrays[PREVIOUS], np.float32))[None, None]
        if previous.shape[2:] != features.sight.mask_features.shape[2:]:
            return None
        return previous.to(features.sight.device)

    def _look(self, pixels: NDArray[np.uint8]) -> tuple[Sight, int, int]:
        rows, columns = self._size(*pixels.shape[:2])
        resized = Pillow.fromarray(pixels).resize((columns, rows), Pillow.Resampling.BICUBIC)
        tensor = torch.from_numpy(np.array(resized)).permute(2, 0, 1).to(torch_device())
        return self._model.look(self._model.preprocess(tensor)), rows, columns

    def _size(self, height: int, width: int) -> tuple[int, int]:
        scale = min(SHORT / min(height, width), LONG / max(height, width))
        if isinstance(self._model.shape.backbone, VitShape):
            scale = self._model.shape.backbone.image_side / max(height, width)
        return max(1, int(height * scale)), max(1, int(width * scale))

    def _phrase(self, texts: Sequence[str]) -> Phrase | None:
        if not texts:
            return None
        return Phrase(*self._model.phrase(self._ids([", ".join(texts)])))

    def _example(self, references: Sequence[Reference], report: Report) -> Example | None:
        """The reference regions, joined; negative ones are tokens of the negative sign."""
        samples = []
        for reference in references:
            report(None, f"Looking at {reference.name or 'the reference'}")
            sight = self._seen(reference.pixels)
            height, width = reference.mask.shape
            rows, columns = self._size(height, width)
            frame = ModelFrame(height, width, rows, columns, sight.padded)
            inside, outside = drawn([MaskPrompt(reference.mask, reference.positive)], frame)
            marks = [torch.from_numpy(mask)[None].to(sight.device) for mask in (inside, outside)]
            samples.append(self._model.sample(sight, marks[0], marks[1]))
        if not samples:
            return None
        return Example.joined(samples)

    def _seen(self, pixels: NDArray[np.uint8]) -> Sight:
        """The last reference image is kept: it serves a whole strip of images."""
        key = hashlib.sha256(pixels.tobytes()).hexdigest() + str(pixels.shape)
        if self._reference is None or self._reference[0] != key:
            self._reference = key, self._look(pixels)[0]
        return self._reference[1]

    def _ids(self, texts: Sequence[str]) -> Tensor:
        if self._tokenizer is None:
            raise EngineError(NO_WORD_PIECES)
        return torch.tensor([self._tokenizer(text) for text in texts], device=torch_device())

    def _names(self, vocabulary: Vocabulary, report: Report = silent) -> tuple[Tensor, list[int]]:
        """Unit vectors (names said + 1, projection), the last for what is none of them, and the class of each name."""
        said = [(name, index) for index in range(len(vocabulary.names)) for name in vocabulary.all_names(index)]
        texts = [*(name for name, _ in said), BACKGROUND]
        rows = []
        for place, text in enumerate(texts):

            def embedded(names: list[str], share: float = place / len(texts)) -> NDArray[np.float32]:
                report(share, f"Reading “{names[0]}”")
                filled = [each.format(spoken(names[0])) for each in TEMPLATES]
                return as_array(self._model.text.names(self._ids(filled)[None]))

            # one by one: what was read stays when the job is cancelled or has to make way
            rows.append(text_embeddings.shared().get(self.fingerprint, [text], embedded)[0])
        return torch.from_numpy(np.stack(rows)).to(torch_device()), [index for _, index in said]


def _nearest(sizes: Sizes) -> tuple[str, SeemShape]:
    """The released architecture that a file fits, or comes closest to: its differences are then named."""

    def distance(title: str) -> int:
        mismatch = checkpoint.compare(sizes, RELEASED[title])
        return len(mismatch.missing) + len(mismatch.unused) + len(mismatch.reshaped)

    title = min(RELEASED, key=distance)
    return f"SEEM {title}", RELEASED[title]


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()[:16]
