"""``lite``: the built-in neural engine. Small, trained for this program, needs no download (docs/engines/lite.md)."""

from __future__ import annotations

from inference.engine import Capability, Engine, EngineSpec, Speed
from inference.prompts import PromptKind

SPEC = EngineSpec(
    name="lite",
    title="Lite (built in)",
    prompts=frozenset(
        {
            PromptKind.POINT,
            PromptKind.BOX,
            PromptKind.SCRIBBLE,
            PromptKind.POLYGON,
            PromptKind.MASK,
            PromptKind.TEXT,
            PromptKind.REFERENCE,
        }
    ),
    capabilities=frozenset(
        {
            Capability.EVERYTHING,
            Capability.VOCABULARY,
            Capability.LABEL,
            Capability.MEMORY,
            Capability.UNCERTAINTY,
        }
    ),
    speed=Speed.INSTANT,
    licence="Apache-2.0; trained on images that are mostly for research only (see the model card)",
    citation="EfficientNet-Lite0: M. Tan, Q. V. Le, EfficientNet, ICML 2019. Decoder and recipe: this project.",
    adds="Masks from the first click, without a download",
)


def create() -> Engine:
    """The engine with its packaged weights. Raises WeightsMissing or WrongWeights."""
    from inference.models.lite.segmenter import LiteSegmenter
    from inference.models.lite.weights import packaged_bytes

    return LiteSegmenter(SPEC, packaged_bytes())


def installed() -> bool:
    """Whether the weights are part of this installation."""
    from importlib import resources

    return (resources.files("resources") / "models" / "lite.safetensors").is_file()
