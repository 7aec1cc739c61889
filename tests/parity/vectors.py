"""Reading of parity vectors: tensors that the official code of a model computed, with the inputs they came from.

``MASKWRIGHT_PARITY`` names another folder with the same subfolders; sizes, seeds and the set of files may differ
there. A file that is not there makes no test; a tensor that is not in a file is not compared.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

VARIABLE = "MASKWRIGHT_PARITY"
COMMITTED = Path(__file__).parents[1] / "data" / "parity"


def folder(name: str) -> Path:
    """The folder with the vectors of a model; ``MASKWRIGHT_PARITY`` may also name that folder itself."""
    root = Path(os.environ.get(VARIABLE) or COMMITTED)
    return root if root.name == name and not (root / name).is_dir() else root / name


def cases(name: str, *patterns: str) -> list[str]:
    """The names of the vector files of a model that match one of the patterns, sorted."""
    found = {path.stem for pattern in patterns for path in folder(name).glob(f"{pattern}.safetensors")}
    return sorted(found)


def read_json(name: str, file: str) -> Any:
    return json.loads((folder(name) / file).read_text(encoding="utf-8"))


class Case:
    """The tensors of one file. Keeps count of what was compared, so that no case passes without comparing."""

    def __init__(self, model: str, name: str) -> None:
        self.name = name
        self.tensors = load_file(folder(model) / f"{name}.safetensors")
        self.compared = 0

    def __contains__(self, key: str) -> bool:
        return key in self.tensors

    def __getitem__(self, key: str) -> Tensor:
        return self.tensors[key]

    def get(self, key: str) -> Tensor | None:
        return self.tensors.get(key)

    def numbered(self, prefix: str) -> Iterator[tuple[int, Tensor]]:
        """The tensors ``prefix0``, ``prefix1``, … that are there, in order."""
        return self.numbered_between(prefix, "")

    def numbered_between(self, prefix: str, suffix: str) -> Iterator[tuple[int, Tensor]]:
        """The tensors ``prefix0suffix``, ``prefix1suffix``, … that are there, in order."""
        pattern = re.compile(re.escape(prefix) + r"(\d+)" + re.escape(suffix))
        found = {int(match[1]): tensor for key, tensor in self.tensors.items() if (match := pattern.fullmatch(key))}
        return iter(sorted(found.items()))

    def close(self, key: str, ours: Tensor, absolute: float = 1e-3, relative: float = 1e-4) -> None:
        """Compare when there: |ours - theirs| <= absolute + relative * max |theirs|."""
        if key not in self.tensors:
            return
        theirs = self.tensors[key].float()
        assert ours.shape == theirs.shape, f"{self.name}: {key} has {tuple(ours.shape)} for {tuple(theirs.shape)}"
        allowed = absolute + relative * theirs.abs().max().item()
        difference = (ours.float() - theirs).abs().max().item()
        assert difference <= allowed, f"{self.name}: {key} differs by {difference:.3g}, allowed {allowed:.3g}"
        self.compared += 1

    def equal(self, key: str, ours: Tensor, rows: Tensor | None = None) -> None:
        """Compare when there, exactly; ``rows`` bool over the leading axes says which entries count."""
        if key not in self.tensors:
            return
        theirs = self.tensors[key].to(ours.dtype)
        assert ours.shape == theirs.shape, f"{self.name}: {key} has {tuple(ours.shape)} for {tuple(theirs.shape)}"
        if rows is not None:
            ours, theirs = ours[rows], theirs[rows]
        assert torch.equal(ours, theirs), f"{self.name}: {key} differs in {int((ours != theirs).sum())} places"
        self.compared += 1

    def done(self) -> None:
        assert self.compared, f"{self.name}: nothing was compared"
