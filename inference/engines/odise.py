"""``odise``: open-vocabulary panoptic segmentation from diffusion features (docs/engines/odise.md)."""

from __future__ import annotations

from inference import weights
from inference.engine import Capability, Engine, EngineOption, EngineSpec, Speed
from inference.models.clip import files
from inference.models.diffusion import files as diffusion
from inference.prompts import PromptKind

SPEC = EngineSpec(
    name="odise",
    title="ODISE",
    prompts=frozenset({PromptKind.TEXT, PromptKind.POINT, PromptKind.SCRIBBLE}),
    capabilities=frozenset({Capability.EVERYTHING, Capability.VOCABULARY, Capability.LABEL}),
    speed=Speed.SECONDS,
    licence="Non-commercial: code NVIDIA Source Code License, checkpoints CC BY-NC-SA 4.0; Stable Diffusion: "
    "CreativeML OpenRAIL-M; CLIP: MIT",
    citation="J. Xu et al., Open-Vocabulary Panoptic Segmentation with Text-to-Image Diffusion Models, CVPR 2023",
    adds="All regions of an image, named from any list",
    weights=("odise", "stable-diffusion-1.3", "clip-vit-l-14-336"),
    options=(
        EngineOption(
            "head", "Model", "label", ("label", "caption"), help="Trained with COCO's labels, or with captions."
        ),
        EngineOption(
            "regions",
            "Whole image",
            "panoptic",
            ("panoptic", "semantic", "instance"),
            help="panoptic: every thing and the stuff between; semantic: one region a name; instance: things only.",
        ),
        EngineOption(
            "overlap",
            "Least visible share",
            0.8,
            least=0.0,
            most=1.0,
            help="Masks of which less is visible are dropped: 0.8 as in the paper's evaluation, 0 as in the demo.",
        ),
        EngineOption(
            "resolution",
            "Resolution",
            "full",
            ("full", "half"),
            help="half looks at a third of the crops and finds fewer small things; not measured.",
        ),
    ),
)

HEADS = {"label": "odise-label", "caption": "odise-caption"}


def installed() -> bool:
    """Whether a head, Stable Diffusion and CLIP are on this machine; reads tables of contents only."""
    return (
        weights.find("odise") is not None
        and diffusion.stable_diffusion("stable-diffusion-1.3") is not None
        and files.clip(files.LARGE) is not None
    )


def create() -> Engine:
    """The engine. Raises :class:`WeightsMissing`, or ``WrongWeights`` with the names of all tensors that differ."""
    first = weights.locate("odise", SPEC.title)
    heads = {kind: found.path for kind, name in HEADS.items() if (found := weights.find(name)) is not None}
    folder = diffusion.needed_stable_diffusion(SPEC.title, "stable-diffusion-1.3")
    clip = files.clip(files.LARGE)
    if clip is None:
        clip = weights.locate(files.LARGE.name, SPEC.title).path
    from inference.models.odise.segmenter import OdiseSegmenter

    return OdiseSegmenter(SPEC, heads or {"label": first.path}, folder, clip)
