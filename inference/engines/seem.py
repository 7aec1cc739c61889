"""``seem``: Segment Everything Everywhere All at Once, from a released weights file (docs/engines/seem.md)."""

from __future__ import annotations

from inference import weights
from inference.engine import Capability, Engine, EngineOption, EngineSpec, Speed
from inference.models.seem import files
from inference.prompts import PromptKind

SPEC = EngineSpec(
    name="seem",
    title="SEEM",
    prompts=frozenset(PromptKind),
    capabilities=frozenset({Capability.EVERYTHING, Capability.VOCABULARY, Capability.LABEL, Capability.MEMORY}),
    speed=Speed.SECONDS,
    licence="Code: Apache-2.0, MIT. Weights: no separate statement; trained on COCO, LVIS and RefCOCO",
    citation="X. Zou et al., Segment Everything Everywhere All at Once, NeurIPS 2023",
    adds="Every kind of prompt in any mixture, with names for what it finds",
    weights=("seem",),
    options=(
        EngineOption(
            "layout",
            "Mixing prompts",
            "composite",
            ("composite", "demo"),
            help="composite remembers the mask of the round before; demo is the layout of the official demo.",
        ),
        EngineOption(
            "box",
            "A box means",
            "centre",
            ("centre", "inside"),
            help="centre: a click in its middle, as in the official evaluation; inside: all of its pixels.",
        ),
        EngineOption(
            "regions",
            "Whole image",
            "panoptic",
            ("panoptic", "semantic", "instance"),
            help="panoptic: every thing and the stuff between; semantic: one region a name; instance: things only.",
        ),
    ),
)


def installed() -> bool:
    """Whether a SEEM weights file lies in the model folder; reads tables of contents only."""
    return files.weights() is not None


def create() -> Engine:
    """The engine. Raises :class:`WeightsMissing`, or ``WrongWeights`` with the names of all tensors that differ."""
    path = weights.locate("seem", SPEC.title).path
    from inference.models.seem.segmenter import SeemSegmenter

    return SeemSegmenter(SPEC, path, files.word_pieces(path))
