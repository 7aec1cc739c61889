"""The models of the open-vocabulary vectors, built from their files."""

from __future__ import annotations

from typing import Any

from safetensors.torch import load_file
from torch import Tensor

from inference.models.tcl.checkpoint import load as load_tcl
from inference.models.tcl.model import Tcl
from tests.parity import vectors
from tests.parity.vectors import Case

MODEL = "openvocab"


def weights(name: str) -> dict[str, Tensor]:
    """The tensors of a weights file; they are kept in eight bits, to which they were rounded before the run."""
    tensors = load_file(vectors.folder(MODEL) / f"{name}.safetensors")
    return {key: tensor.float() if tensor.is_floating_point() else tensor for key, tensor in tensors.items()}


def thinned(case: Case, key: str, ours: Tensor, absolute: float) -> None:
    """Compare ``key`` or, when only every n-th channel was kept, ``key_cn``."""
    case.close(key, ours, absolute, 0.0)
    for channels, _ in case.numbered(f"{key}_c"):
        case.close(f"{key}_c{channels}", ours[:, ::channels], absolute, 0.0)


class TclVectors:
    """The TCL model, its vectors, and how they were made."""

    def __init__(self, name: str) -> None:
        self.case = Case(MODEL, f"{name}_io")
        self.config: dict[str, Any] = vectors.read_json(MODEL, f"{name}_meta.json")["config"]
        self.model: Tcl = load_tcl(
            weights(f"{name}_weights"),
            heads=self.config["vision_heads"],
            text_heads=self.config["transformer_heads"],
        )
