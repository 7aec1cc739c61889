"""The judges: evidence of a region or a pixel -> how likely it belongs to the object. Fitted perceptrons in numpy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from inference.models.classic.regions import Values

_ROWS = 2048


@dataclass(frozen=True, slots=True, eq=False)
class Judge:
    """``layers`` are (weights (in, out), bias (out,)); evidence is centred by ``mean``, divided by ``scale``."""

    mean: Values
    scale: Values
    layers: Sequence[tuple[Values, Values]]

    def logits(self, evidence: Values) -> Values:
        """Evidence (n, k) -> logits (n,)."""
        # pieces that stay in the processor's cache
        pieces = [self._piece(evidence[start : start + _ROWS]) for start in range(0, len(evidence), _ROWS)]
        return np.concatenate(pieces) if pieces else np.zeros(0, dtype=np.float32)

    def _piece(self, evidence: Values) -> Values:
        hidden = np.clip((evidence - self.mean) / self.scale, -6, 6)
        for weights, bias in self.layers[:-1]:
            hidden = np.maximum(hidden @ weights + bias, 0)
        weights, bias = self.layers[-1]
        result: NDArray[np.float32] = (hidden @ weights + bias)[:, 0].astype(np.float32)
        return result


@dataclass(frozen=True, slots=True, eq=False)
class Judges:
    """The judge of the regions and that of the pixels; without the latter pixels are as their regions."""

    regions: Judge
    pixels: Judge | None


@lru_cache(maxsize=1)
def fitted_judges() -> Judges:
    """The judges that the recipe in :mod:`inference.models.classic.fit` made; they lie in the package's resources."""
    return Judges(_read("judge.npz"), _read("borders.npz"))


def _read(name: str) -> Judge:
    with (resources.files("resources") / "classic" / name).open("rb") as opened:
        stored = dict(np.load(opened, allow_pickle=False))
    depth = sum(name.startswith("bias") for name in stored)
    layers = [(stored[f"weights{i}"].astype(np.float32), stored[f"bias{i}"].astype(np.float32)) for i in range(depth)]
    return Judge(stored["mean"], stored["scale"], layers)
