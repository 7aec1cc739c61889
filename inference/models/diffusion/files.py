"""Where Stable Diffusion 1.x and a CLIP lie, and whether they are of the kind that is needed. Torch-free.

Found by the catalogue (:mod:`inference.weights`), else by their layout: folders as ``diffusers`` and ``transformers``
write them, of any size.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from inference import weights
from inference.engine import WeightsMissing, WrongWeights
from inference.weights import places

PARTS = ("unet", "vae", "text_encoder")
BEGINNING = 1 << 20


def stable_diffusion(*preferred: str) -> Path | None:
    """A folder with the parts of Stable Diffusion: the first of the catalogue names, any of the family, or any other.

    It may be of a version that does not serve; :func:`check_stable_diffusion` tells.
    """
    for name in (*preferred, "stable-diffusion"):
        found = weights.find(name)
        if found is not None:
            return found.path
    folders = [folder for folder in _folders("model_index.json", "unet/config.json") if _is_diffusion(folder)]
    return next((folder for folder in folders if not _wrong(folder)), folders[0] if folders else None)


def needed_stable_diffusion(engine: str, *preferred: str) -> Path:
    """As :func:`stable_diffusion`. Raises :class:`WeightsMissing`, or :class:`WrongWeights` for other versions."""
    found = stable_diffusion(*preferred)
    if found is None:
        raise WeightsMissing(f"{engine} needs Stable Diffusion 1.x. None was found in the model folders.")
    check_stable_diffusion(found, engine)
    return found


def check_stable_diffusion(folder: Path, engine: str) -> None:
    """Raises :class:`WrongWeights`, saying what the folder holds instead of Stable Diffusion 1.x."""
    wrong = _wrong(folder)
    if wrong:
        raise WrongWeights(f"{engine} needs Stable Diffusion 1.x; {folder.name} {wrong}.")


def clip(*preferred: str) -> Path | None:
    """A folder with a CLIP of vision and text transformers: the first of the catalogue names, or any other."""
    for name in preferred:
        found = weights.find(name)
        if found is not None:
            return found.path
    return next((folder for folder in _folders("config.json") if _is_clip(folder)), None)


def needed_clip(engine: str, *preferred: str) -> Path:
    """As :func:`clip`. Raises :class:`WeightsMissing`."""
    found = clip(*preferred)
    if found is None:
        raise WeightsMissing(f"{engine} needs CLIP ViT-B/16. None was found in the model folders.")
    return found


def _wrong(folder: Path) -> str:
    """What is wrong with a folder, as the end of a sentence, or an empty text."""
    unet, text = _read(folder / "unet/config.json"), _read(folder / "text_encoder/config.json")
    noise = _read(folder / "scheduler/scheduler_config.json")
    if (folder / "text_encoder_2").is_dir() or unet.get("addition_embed_type"):
        return "holds Stable Diffusion XL"
    width = unet.get("cross_attention_dim")
    if unet.get("use_linear_projection") or width == 1024 or noise.get("prediction_type") == "v_prediction":
        return "holds Stable Diffusion 2"
    if unet.get("in_channels", 4) != 4:
        return f"holds a model with {unet['in_channels']} input channels, made for inpainting or the like"
    if not unet:
        return "has no readable unet/config.json"
    if not noise:
        return "has no readable scheduler/scheduler_config.json"
    if text.get("hidden_size") != width:
        return f"holds a text encoder of width {text.get('hidden_size')} and a UNet for {width}"
    down, up = unet.get("down_block_types", ()), unet.get("up_block_types", ())
    if len(down) < 4 or len(up) < 4 or "CrossAttn" not in down[2] or "CrossAttn" not in up[1]:
        return "holds a UNet of another layout"
    return ""


def _is_diffusion(folder: Path) -> bool:
    return all((folder / part / "config.json").is_file() for part in PARTS) or (folder / "text_encoder_2").is_dir()


def _is_clip(folder: Path) -> bool:
    config = _read(folder / "config.json")
    has_weights = any((folder / name).is_file() for name in ("model.safetensors", "pytorch_model.bin"))
    return config.get("model_type") == "clip" and "vision_config" in config and has_weights


def _folders(*marks: str) -> Iterator[Path]:
    """Folders with one of these files, in the model folder and the places that a person added, each once."""
    seen: set[Path] = set()
    for place in (places.folder(), *places.added()):
        for path in places.files_below(place):
            for mark in marks:
                root = path.parents[mark.count("/")]
                if path.as_posix().endswith(f"/{mark}") and root not in seen:
                    seen.add(root)
                    yield root


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def digest(folder: Path) -> str:
    """Tells the weights of folders apart, by names, sizes, and beginnings and ends of the files."""
    seen = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.suffix in (".safetensors", ".bin", ".json")):
        seen.update(f"{path.relative_to(folder).as_posix()} {path.stat().st_size} ".encode())
        with path.open("rb") as stream:
            start = stream.read(BEGINNING)
            stream.seek(max(0, path.stat().st_size - BEGINNING))
            seen.update(start + stream.read(BEGINNING))
    return seen.hexdigest()[:16]
