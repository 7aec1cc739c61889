"""``clip``: names for the masks of any engine (docs/engines/labels.md). Serves other engines; finds no masks itself."""

from __future__ import annotations

from inference import weights
from inference.engine import Capability, Engine, EngineSpec, Speed
from inference.models.clip import files

SPEC = EngineSpec(
    name="clip",
    title="CLIP labels",
    prompts=frozenset(),
    capabilities=frozenset({Capability.LABEL}),
    speed=Speed.SECONDS,
    licence="MIT",
    citation="A. Radford et al., Learning Transferable Visual Models From Natural Language Supervision, ICML 2021",
    adds="Names from any list for any mask",
    weights=("clip-vit-l-14-336",),
)

KINDS = (files.LARGE, files.BASE, files.ANY)
"""The first that is there is used."""


def installed() -> bool:
    """Whether a CLIP model is on this machine; reads configurations only."""
    return any(files.clip(kind) is not None for kind in KINDS)


def create() -> Engine:
    """The ranker. Raises :class:`WeightsMissing` or ``WrongWeights``."""
    folder = next((found for kind in KINDS if (found := files.clip(kind)) is not None), None)
    if folder is None:
        folder = weights.locate(KINDS[0].name, SPEC.title).path
    from inference.models.clip import labeller, towers

    return labeller.ClipLabeller(SPEC, towers.load(folder))
