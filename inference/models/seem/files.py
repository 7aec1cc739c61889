"""Where SEEM's files lie. Recognises weights by their tensor names, without torch (:mod:`inference.weights`)."""

from __future__ import annotations

from pathlib import Path

from inference import weights as stored
from inference.engine import WrongWeights
from inference.weights import places

VARIABLE = stored.FOLDER_VARIABLE
FAMILY = "seem"
WORDS = "clip-words"


def weights() -> Path | None:
    """A file that holds a SEEM model, those of released sizes first, or None."""
    found = stored.find(FAMILY)
    return found.path if found is not None else None


def word_pieces(beside: Path) -> Path | None:
    """CLIP's list of word pieces, next to the weights or anywhere weights are looked for, or None."""
    names = stored.catalogue().entry(WORDS).files[0].paths
    near = next((path for path in places.files_below(beside.parent) if path.name in names), None)
    if near is not None:
        return near
    found = stored.find(WORDS)
    return found.path if found is not None else None


def is_seem(path: Path) -> bool:
    """Whether a file names SEEM's tensors; reads its table of contents only."""
    try:
        return stored.catalogue().families[FAMILY].mark in stored.tensors_of(path)
    except WrongWeights:
        return False
