"""``tcl``: text-grounded masks from image-text pairs alone (docs/engines/tcl.md)."""

from __future__ import annotations

from inference import weights
from inference.engine import Capability, Engine, EngineOption, EngineSpec, Speed
from inference.models.clip import files
from inference.prompts import PromptKind

SPEC = EngineSpec(
    name="tcl",
    title="TCL",
    prompts=frozenset({PromptKind.TEXT}),
    capabilities=frozenset({Capability.EVERYTHING, Capability.VOCABULARY, Capability.LABEL}),
    speed=Speed.SECONDS,
    licence="MIT (code and checkpoint); CLIP: MIT",
    citation="J. Cha et al., Learning to Generate Text-grounded Mask for Open-world Semantic Segmentation from Only "
    "Image-Text Pairs, CVPR 2023",
    adds="Masks for any words, learned from captions alone",
    weights=("tcl",),
    options=(
        EngineOption("refine", "Refine edges by colour", True, help="PAMR, as in the paper's evaluation."),
        EngineOption(
            "background",
            "Background threshold",
            0.0,
            least=0.0,
            most=0.95,
            help="What a probability has to exceed; 0 takes the paper's, 0.4 with refinement and 0.5 without.",
        ),
    ),
)


def installed() -> bool:
    """Whether a TCL file lies in the model folder; reads tables of contents only."""
    return weights.find("tcl") is not None


def create() -> Engine:
    """The engine. Raises :class:`WeightsMissing`, or ``WrongWeights`` with the names of all tensors that differ."""
    path = weights.locate("tcl", SPEC.title).path
    from inference.models.tcl.segmenter import TclSegmenter

    return TclSegmenter(SPEC, path, files.clip(files.BASE))
