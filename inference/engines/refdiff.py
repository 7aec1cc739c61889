"""``refdiff``: referring expressions by Stable Diffusion's attention and CLIP (docs/engines/refdiff.md)."""

from __future__ import annotations

from functools import cache

from inference.engine import Engine, EngineSpec, Speed
from inference.models.diffusion import files
from inference.models.refdiff.settings import OPTIONS
from inference.prompts import PromptKind

SPEC = EngineSpec(
    name="refdiff",
    title="Ref-Diff",
    prompts=frozenset({PromptKind.TEXT, PromptKind.POINT, PromptKind.BOX}),
    capabilities=frozenset(),
    speed=Speed.SECONDS,
    licence="Stable Diffusion: CreativeML Open RAIL-M. CLIP: MIT. SAM: Apache-2.0",
    citation="M. Ni et al., Ref-Diff: Zero-shot Referring Image Segmentation with Generative Models, arXiv 2308.16777",
    adds="Finds the object that a whole sentence describes",
    weights=("stable-diffusion-1.5", "clip-vit-b-16"),
    options=OPTIONS,
)


def installed() -> bool:
    """Whether Stable Diffusion and a CLIP lie in the model folders; reads configurations and tables of contents."""
    return files.stable_diffusion(SPEC.weights[0]) is not None and files.clip(SPEC.weights[1]) is not None


def create() -> Engine:
    """The engine. Raises :class:`WeightsMissing`, or ``WrongWeights`` for another version of Stable Diffusion."""
    diffusion_folder = files.needed_stable_diffusion(SPEC.title, SPEC.weights[0])
    clip_folder = files.needed_clip(SPEC.title, SPEC.weights[1])

    from inference import registry
    from inference.device import torch_device, torch_dtype
    from inference.models.diffusion import stable
    from inference.models.refdiff.clip import load_clip
    from inference.models.refdiff.segmenter import RefDiffSegmenter

    diffusion = stable.load(diffusion_folder, torch_device(), torch_dtype())
    clip = load_clip(clip_folder, diffusion.tokenizer, torch_device())
    fingerprint = f"refdiff-1-{files.digest(diffusion_folder)}-{files.digest(clip_folder)}"
    return RefDiffSegmenter(SPEC, diffusion, clip, fingerprint, registry.create_engine, _proposes)


@cache
def _proposes(engine: str) -> bool:
    """Whether an engine that proposes regions could be loaded; looked up once, because options are set for each job."""
    from inference import registry

    return engine in {spec.name for spec in registry.engine_specs()} and registry.installed(engine)
