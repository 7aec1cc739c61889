"""Where files of the SAM family lie: recognised by their tensor names, without torch (:mod:`inference.weights`)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from inference import weights as stored
from inference.engine import WeightsMissing, WrongWeights
from inference.weights import places
from inference.weights.tensors import SUFFIXES


@dataclass(frozen=True, slots=True)
class Family:
    """``mark``: how a tensor's name begins that only files of the family hold. ``hub``: who publishes them."""

    name: str
    title: str
    mark: str
    hub: tuple[str, ...] = ()


SAM = Family("sam", "SAM", "image_encoder.neck.0.weight")
SAM2 = Family(
    "sam2",
    "SAM 2",
    "vision_encoder.backbone.blocks.0.attn.qkv.weight",
    (
        "facebook/sam2.1-hiera-large",
        "facebook/sam2.1-hiera-base-plus",
        "facebook/sam2.1-hiera-small",
        "facebook/sam2.1-hiera-tiny",
    ),
)
EDGETAM = Family("edgetam", "EdgeTAM", "vision_encoder.backbone.timm_model.", ("yonigozlan/EdgeTAM-hf",))
SAM3 = Family("sam3", "SAM 3", "detector_model.vision_encoder.backbone.", ("facebook/sam3",))

MERGES = "merges.txt"


def find(family: Family) -> Path | None:
    """The weights file of a family, those of the catalogue first, or None. Reads tables of contents only."""
    if family.name in stored.catalogue().families:
        known = stored.find(family.name)
        if known is not None:
            return known.path
    return next((path for path in _candidates(family) if holds(path, family.mark)), None)


def locate(family: Family) -> Path:
    """As :func:`find`. Raises :class:`WeightsMissing` when there is none."""
    path = find(family)
    if path is None:
        raise WeightsMissing(f"{family.title} needs a weights file. None was found in the model folders.")
    return path


def holds(path: Path, mark: str) -> bool:
    """Whether a file's table of contents has a tensor whose name begins so; a damaged file has none."""
    try:
        return any(name.startswith(mark) for name in stored.tensors_of(path))
    except WrongWeights:
        return False


def merges(beside: Path) -> Path | None:
    """CLIP's list of word pieces next to a weights file or anywhere weights are looked for, or None."""
    near = beside.parent / MERGES
    if near.is_file():
        return near
    found = stored.find("clip-words")
    return found.path if found is not None else None


def digest(path: Path) -> str:
    """The first 16 hexadecimal digits of a file's SHA-256."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()[:16]


def _candidates(family: Family) -> Iterator[Path]:
    snapshots = [place for name in family.hub for place in places.snapshots(name)]
    for place in (places.folder(), *places.added(), *snapshots):
        yield from (path for path in places.files_below(place) if path.suffix in SUFFIXES)
