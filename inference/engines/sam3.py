"""``sam3``: SAM 3, from a weights file of transformers' form (docs/engines/sam.md)."""

from __future__ import annotations

from inference.engine import Capability, Engine, EngineSpec, Speed
from inference.models.sam import files
from inference.prompts import PromptKind

SPEC = EngineSpec(
    name="sam3",
    title="SAM 3",
    prompts=frozenset(
        {
            PromptKind.POINT,
            PromptKind.BOX,
            PromptKind.SCRIBBLE,
            PromptKind.POLYGON,
            PromptKind.MASK,
            PromptKind.TEXT,
        }
    ),
    capabilities=frozenset(
        {Capability.EVERYTHING, Capability.VOCABULARY, Capability.MEMORY, Capability.UNCERTAINTY},
    ),
    speed=Speed.SECONDS,
    licence="SAM License (code and weights; read it before use)",
    citation="N. Carion et al., SAM 3: Segment Anything with Concepts, 2025",
    adds="As SAM 2, and words that find every instance of what they name",
    weights=("sam3",),
)


def installed() -> bool:
    """Whether a weights file lies in the model folder; reads tables of contents only."""
    return files.find(files.SAM3) is not None


def create() -> Engine:
    """The engine. Raises ``WeightsMissing``, or ``WrongWeights`` with the names of all tensors that differ."""
    path = files.locate(files.SAM3)
    from inference.models.sam.concept_segmenter import ConceptSegmenter
    from inference.models.sam.sam3 import open_sam3

    return ConceptSegmenter(SPEC, open_sam3(path), path)
