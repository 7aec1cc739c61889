"""Where files of the SAM family lie: recognised by their tensor names, without torch (:mod:`inference.weights`)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from inference import weights as stored
from inference.engine import WrongWeights
from inference.weights import places
from inference.weights.tensors import SUFFIXES


@dataclass(frozen=True, slots=True)
class Family:
    """``name`` in the catalogue; ``mark``: how the name of a tensor begins that only files of the family hold."""

    name: str
    title: str
    mark: str


SAM = Family("sam", "SAM", "image_encoder.neck.0.weight")
SAM2 = Family("sam2", "SAM 2", "vision_encoder.backbone.blocks.0.attn.qkv.weight")
EDGETAM = Family("edgetam", "EdgeTAM", "vision_encoder.backbone.timm_model.")
SAM3 = Family("sam3", "SAM 3", "detector_model.vision_encoder.backbone.")

MERGES = "merges.txt"


def find(family: Family) -> Path | None:
    """The weights file of a family, released sizes first, then any that has its mark; None when there is none.

    Reads tables of contents only.
    """
    known = stored.find(family.name)
    if known is not None:
        return known.path
    files = (path for place in (places.folder(), *places.added()) for path in places.files_below(place))
    return next((path for path in files if path.suffix in SUFFIXES and holds(path, family.mark)), None)


def locate(family: Family) -> Path:
    """As :func:`find`. Raises ``NoWeights`` (a ``WeightsMissing``), which names what would help."""
    return find(family) or stored.locate(family.name, family.title).path


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
