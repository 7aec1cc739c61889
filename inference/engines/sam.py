"""``sam``: Segment Anything, from an official weights file (docs/engines/sam.md)."""

from __future__ import annotations

from inference.engine import Capability, Engine, EngineSpec, Speed
from inference.models.sam import files
from inference.prompts import PromptKind

SPEC = EngineSpec(
    name="sam",
    title="SAM",
    prompts=frozenset(
        {PromptKind.POINT, PromptKind.BOX, PromptKind.SCRIBBLE, PromptKind.POLYGON, PromptKind.MASK},
    ),
    capabilities=frozenset({Capability.EVERYTHING, Capability.MEMORY, Capability.UNCERTAINTY}),
    speed=Speed.SECONDS,
    licence="Apache-2.0 (code and weights)",
    citation="A. Kirillov et al., Segment Anything, ICCV 2023",
    adds="Sharp masks of almost anything from a click or a box, and of everything in an image",
    weights=("sam",),
)


def installed() -> bool:
    """Whether a SAM weights file lies in the model folder; reads tables of contents only."""
    return files.find(files.SAM) is not None


def create() -> Engine:
    """The engine. Raises :class:`WeightsMissing`, or ``WrongWeights`` with the names of all tensors that differ."""
    path = files.locate(files.SAM)
    from inference.models.sam.checkpoint import load
    from inference.models.sam.official import OfficialSam
    from inference.models.sam.segmenter import SamSegmenter

    return SamSegmenter(SPEC, OfficialSam(load(path)), path)
