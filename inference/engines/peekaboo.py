"""``peekaboo``: captions to masks by score distillation through Stable Diffusion (docs/engines/peekaboo.md)."""

from __future__ import annotations

from inference.engine import Capability, Engine, EngineSpec, Speed
from inference.models.diffusion import files
from inference.models.peekaboo.presets import OPTIONS
from inference.prompts import PromptKind

SPEC = EngineSpec(
    name="peekaboo",
    title="Peekaboo",
    prompts=frozenset(set(PromptKind) - {PromptKind.REFERENCE}),
    capabilities=frozenset({Capability.MEMORY}),
    speed=Speed.MINUTES,
    licence="Stable Diffusion: CreativeML Open RAIL-M",
    citation="R. Burgert et al., Peekaboo: Text to Image Diffusion Models are Zero-Shot Segmentors, arXiv 2211.13224",
    adds="Finds what any caption describes, with nothing but an image generator",
    weights=("stable-diffusion-1.4",),
    options=OPTIONS,
)


def installed() -> bool:
    """Whether Stable Diffusion lies in the model folders; reads configurations and tables of contents only."""
    return files.stable_diffusion(SPEC.weights[0]) is not None


def create() -> Engine:
    """The engine. Raises :class:`WeightsMissing`, or ``WrongWeights`` for another version of Stable Diffusion."""
    folder = files.needed_stable_diffusion(SPEC.title, SPEC.weights[0])

    from inference.device import torch_device, torch_dtype
    from inference.models.diffusion import stable
    from inference.models.peekaboo.segmenter import PeekabooSegmenter

    diffusion = stable.load(folder, torch_device(), torch_dtype())
    return PeekabooSegmenter(SPEC, diffusion, f"peekaboo-1-{files.digest(folder)}")
