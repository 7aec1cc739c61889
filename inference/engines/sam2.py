"""``sam2``: SAM 2, from a weights file of transformers' form (docs/engines/sam.md)."""

from __future__ import annotations

from inference.engine import Capability, Engine, EngineSpec, Speed
from inference.models.sam import files
from inference.prompts import PromptKind

SPEC = EngineSpec(
    name="sam2",
    title="SAM 2",
    prompts=frozenset(
        {PromptKind.POINT, PromptKind.BOX, PromptKind.SCRIBBLE, PromptKind.POLYGON, PromptKind.MASK},
    ),
    capabilities=frozenset({Capability.EVERYTHING, Capability.MEMORY, Capability.UNCERTAINTY}),
    speed=Speed.SECONDS,
    licence="Apache-2.0 (code and weights)",
    citation="N. Ravi et al., SAM 2: Segment Anything in Images and Videos, ICLR 2025",
    adds="As SAM, with finer edges and a faster image encoder",
    weights=("sam2",),
)


def installed() -> bool:
    """Whether a weights file lies in the model folder; reads tables of contents only."""
    return files.find(files.SAM2) is not None


def create() -> Engine:
    """The engine. Raises ``WeightsMissing``, or ``WrongWeights`` with the names of all tensors that differ."""
    path = files.locate(files.SAM2)
    from inference.models.sam.sam2 import open_sam2
    from inference.models.sam.segmenter import SamSegmenter

    return SamSegmenter(SPEC, open_sam2(path), path)
