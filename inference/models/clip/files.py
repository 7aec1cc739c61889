"""Where CLIP and Stable Diffusion lie: folders as ``transformers`` and ``diffusers`` write them. Torch-free.

They are looked for in the model folder and, by their names on the hub, in the cache of ``huggingface_hub``, which
other programs may have filled. Nothing is fetched.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs

VARIABLE = "MASKWRIGHT_WEIGHTS_DIR"
SUFFIXES = (".safetensors", ".bin")
DEEPEST = 3
"""Folders below the model folder that are looked into."""


@dataclass(frozen=True, slots=True)
class ClipKind:
    """Which CLIP: its name on the hub, the side of its input in pixels and of its patches; 0 for any."""

    hub: str
    side: int = 0
    patch: int = 0

    def fits(self, config: dict[str, Any]) -> bool:
        vision = config.get("vision_config") or {}
        return (not self.side or vision.get("image_size", 224) == self.side) and (
            not self.patch or vision.get("patch_size", 32) == self.patch
        )


LARGE = ClipKind("openai/clip-vit-large-patch14-336", 336, 14)
BASE = ClipKind("openai/clip-vit-base-patch16", 224, 16)
STABLE_DIFFUSION = "CompVis/stable-diffusion-v1-3"


def model_folder() -> Path:
    """The model folder."""
    return Path(os.environ.get(VARIABLE) or Path(platformdirs.user_data_dir("maskwright")) / "weights")


def clip(kind: ClipKind) -> Path | None:
    """The folder of that CLIP, or None."""
    for folder in (*_folders(model_folder()), *_cached(kind.hub, "config.json")):
        config = _config(folder / "config.json")
        if config.get("model_type") == "clip" and kind.fits(config) and _has_weights(folder):
            return folder
    return None


def stable_diffusion() -> Path | None:
    """The folder of a Stable Diffusion v1 pipeline with UNet, autoencoder and text encoder, or None."""
    for folder in (*_folders(model_folder()), *_cached(STABLE_DIFFUSION, "model_index.json")):
        if (folder / "model_index.json").is_file() and all(
            _has_weights(folder / part) for part in ("unet", "vae", "text_encoder")
        ):
            return folder
    return None


def word_pieces(folder: Path) -> Path | None:
    """CLIP's list of word pieces in the folder of a model, or in its ``tokenizer`` folder, or None."""
    return next((path for path in (folder / "merges.txt", folder / "tokenizer" / "merges.txt") if path.is_file()), None)


def _folders(root: Path) -> Iterator[Path]:
    """The folder and those below it, by name; hidden ones are left out."""
    if not root.is_dir():
        return
    for folder, inner, _ in os.walk(root):
        depth = len(Path(folder).relative_to(root).parts)
        inner[:] = sorted(name for name in inner if not name.startswith(".")) if depth < DEEPEST else []
        yield Path(folder)


def _cached(name: str, file: str) -> list[Path]:
    """The snapshots of a hub repository that hold a file. Reads folders only: the hub's library is slow to import."""
    root = os.environ.get("HF_HUB_CACHE") or Path(os.environ.get("HF_HOME") or "~/.cache/huggingface") / "hub"
    snapshots = Path(root).expanduser() / f"models--{name.replace('/', '--')}" / "snapshots"
    return sorted(path.parent for path in snapshots.glob(f"*/{file}"))


def _config(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _has_weights(folder: Path) -> bool:
    return folder.is_dir() and any(path.suffix in SUFFIXES for path in folder.iterdir())
