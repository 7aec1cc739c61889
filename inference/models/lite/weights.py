"""The file of weights: safetensors in half precision, with what the heads' outputs mean in its metadata."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_bytes
from safetensors.torch import save as save_bytes
from torch import Tensor

from inference.engine import WeightsMissing, WrongWeights
from inference.models.lite.model import LiteModel

FILE = "lite.safetensors"
CLASSES = "classes"
"""The metadata entry with the class head's names, a JSON list."""


def packaged_bytes() -> bytes:
    """The weights that ship with the program. Raises :class:`WeightsMissing`."""
    try:
        return (resources.files("resources") / "models" / FILE).read_bytes()
    except FileNotFoundError as error:
        raise WeightsMissing(f"The weights {FILE} of the built-in engine are not part of this installation.") from error


def fingerprint(data: bytes) -> str:
    """Identifies a weights file by its content."""
    return hashlib.sha256(data).hexdigest()[:16]


def read_state(data: bytes, name: str = FILE) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """The tensors of a weights file in single precision and the names of its class head. Raises WrongWeights."""
    try:
        state = {key: value.float() if value.is_floating_point() else value for key, value in load_bytes(data).items()}
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        classes = json.loads(header.get("__metadata__", {}).get(CLASSES, "[]"))
    except (SafetensorError, ValueError) as error:
        raise WrongWeights(f"{name} is damaged: {_first_line(error)}") from error
    return state, tuple(str(each) for each in classes)


def model_from(data: bytes, name: str = FILE) -> LiteModel:
    """The model of a weights file, folded and in evaluation mode. Raises :class:`WrongWeights`."""
    state, classes = read_state(data, name)
    model = LiteModel(classes=classes)
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        raise WrongWeights(f"{name} is of another architecture: {_first_line(error)}") from error
    return model.fold()


def save(state: dict[str, Tensor], path: Path, classes: Sequence[str] = ()) -> None:
    """Write a state dictionary in half precision; ``classes`` are the names of the class head's outputs."""
    half = {key: _half(value) for key, value in state.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(save_bytes(half, {CLASSES: json.dumps(list(classes))}))


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _half(value: Tensor) -> Tensor:
    # channels-last tensors are not contiguous, and safetensors stores plain memory only
    plain = value.detach().cpu().contiguous()
    return plain.to(torch.float16) if plain.is_floating_point() else plain
