"""Where CLIP models lie: folders as ``transformers`` writes them. Torch-free.

Found by the catalogue (:mod:`inference.weights`), else by their configuration, of any size.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inference import weights
from inference.weights import places

SUFFIXES = (".safetensors", ".bin")


@dataclass(frozen=True, slots=True)
class ClipKind:
    """Which CLIP: its catalogue name, the side of its input in pixels and of its patches; 0 for any."""

    name: str
    side: int = 0
    patch: int = 0

    def fits(self, config: dict[str, Any]) -> bool:
        vision = config.get("vision_config") or {}
        return (not self.side or vision.get("image_size", 224) == self.side) and (
            not self.patch or vision.get("patch_size", 32) == self.patch
        )


LARGE = ClipKind("clip-vit-l-14-336", 336, 14)
BASE = ClipKind("clip-vit-b-16", 224, 16)
ANY = ClipKind("clip-vit-l-14")


def clip(kind: ClipKind) -> Path | None:
    """The folder of that CLIP, or None."""
    found = weights.find(kind.name)
    if found is not None:
        return found.path
    for place in (places.folder(), *places.added()):
        for path in places.files_below(place):
            if path.name == "config.json" and _is_clip(path, kind):
                return path.parent
    return None


def word_pieces(folder: Path) -> Path | None:
    """CLIP's list of word pieces in the folder of a model, or in its ``tokenizer`` folder, or None."""
    return next((path for path in (folder / "merges.txt", folder / "tokenizer" / "merges.txt") if path.is_file()), None)


def _is_clip(path: Path, kind: ClipKind) -> bool:
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    if not isinstance(config, dict) or config.get("model_type") != "clip" or not kind.fits(config):
        return False
    return any(beside.suffix in SUFFIXES for beside in path.parent.iterdir())
