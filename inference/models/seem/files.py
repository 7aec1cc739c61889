"""Where SEEM's files lie. Recognises weights by their tensor names, without torch."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import platformdirs

VARIABLE = "MASKWRIGHT_WEIGHTS_DIR"
SUFFIXES = (".pt", ".pth", ".safetensors")
MARK = b"sem_seg_head.predictor.mask_sptial_embed"
"""A tensor name (with its official spelling) that only SEEM files hold."""

WORD_PIECES = ("merges.txt", "bpe_simple_vocab_16e6.txt.gz")
HEAD = 1 << 20


def folder() -> Path:
    """The model folder."""
    return Path(os.environ.get(VARIABLE) or Path(platformdirs.user_data_dir("maskwright")) / "weights")


def weights() -> Path | None:
    """The first file by name that holds a SEEM model, or None."""
    candidates = sorted(path for path in _below(folder()) if path.suffix in SUFFIXES)
    return next((path for path in candidates if is_seem(path)), None)


def word_pieces(beside: Path) -> Path | None:
    """CLIP's list of word pieces, next to the weights or in the model folder, or None."""
    found = [*sorted(beside.parent.glob("*")), *sorted(_below(folder()))]
    return next((path for path in found if path.name in WORD_PIECES), None)


def is_seem(path: Path) -> bool:
    """Whether a file names SEEM's tensors; reads its table of contents only."""
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                tables = [name for name in archive.namelist() if name.endswith("data.pkl")]
                return any(MARK in archive.read(name) for name in tables)
        with path.open("rb") as stream:
            return MARK in stream.read(HEAD)
    except (OSError, zipfile.BadZipFile):
        return False


def _below(root: Path) -> list[Path]:
    """Files in the folder and in the folders directly in it."""
    if not root.is_dir():
        return []
    return [path for pattern in ("*", "*/*") for path in root.glob(pattern) if path.is_file()]
