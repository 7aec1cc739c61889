"""``edgetam``: EdgeTAM, from a weights file of transformers' form (docs/engines/sam.md)."""

from __future__ import annotations

from inference.engine import Capability, Engine, EngineSpec, Speed
from inference.models.sam import files
from inference.prompts import PromptKind

SPEC = EngineSpec(
    name="edgetam",
    title="EdgeTAM",
    prompts=frozenset(
        {PromptKind.POINT, PromptKind.BOX, PromptKind.SCRIBBLE, PromptKind.POLYGON, PromptKind.MASK},
    ),
    capabilities=frozenset({Capability.EVERYTHING, Capability.MEMORY, Capability.UNCERTAINTY}),
    speed=Speed.SECONDS,
    licence="Apache-2.0 (code and weights)",
    citation="C. Zhou et al., EdgeTAM: On-Device Track Anything Model, CVPR 2025",
    adds="As SAM 2, with an image encoder that is quick without a GPU",
    weights=("edgetam",),
)


def installed() -> bool:
    """Whether a weights file lies in the model folder; reads tables of contents only."""
    return files.find(files.EDGETAM) is not None


def create() -> Engine:
    """The engine. Raises ``WeightsMissing``, or ``WrongWeights`` with the names of all tensors that differ."""
    path = files.locate(files.EDGETAM)
    from inference.models.sam.edgetam import open_edgetam
    from inference.models.sam.segmenter import SamSegmenter

    return SamSegmenter(SPEC, open_edgetam(path), path)
