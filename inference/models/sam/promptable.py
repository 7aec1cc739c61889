"""What the engine needs of a promptable model, whichever library it comes from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from inference.engine import Report
from inference.models.sam.frame import InputFrame

Maps: TypeAlias = tuple[Tensor, ...]
"""What the image encoder made of an image, float32, on the device of the model."""


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """Prompts for B masks of one image in the model's coordinates (:meth:`InputFrame.to_input`).

    ``points`` (B, n, 2) with ``labels`` (B, n), 1 on the object and 0 beside it; ``boxes`` (B, 4) xyxy; ``previous``
    logits (1, 1, h, w) of the mask to refine, for B = 1 only. At least one of them is there.
    """

    points: NDArray[np.float64] | None = None
    labels: NDArray[np.int64] | None = None
    boxes: NDArray[np.float64] | None = None
    previous: Tensor | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """``low`` logits (B, 4, h, w) over the square and the predicted IoUs ``scores`` (B, 4), both float32.

    The first of the four is the answer to prompts that leave no doubt, the others are three readings of one that does.
    """

    low: Tensor
    scores: Tensor


class Promptable(Protocol):
    """A model with its weights, in evaluation mode, on the chosen device."""

    cells: int
    """Cells along a side of the low-resolution masks."""

    trusts_unstable: bool
    """Whether the single mask is taken even when small changes of its threshold change it (SAM 2 does not)."""

    steps: Sequence[nn.Module]
    """Parts of the image encoder that run one after the other: between them it can report and be cancelled."""

    def frame(self, height: int, width: int) -> InputFrame: ...

    def look(self, pixels: NDArray[np.uint8]) -> Maps:
        """Encode RGB pixels (height, width, 3)."""
        ...

    def decode(self, maps: Maps, asked: Asked) -> Decoded: ...

    def enlarged(self, low: Tensor, frame: InputFrame) -> Tensor:
        """Low-resolution logits (n, h, w) of the square as logits (n, rows, columns) of the image alone.

        They have the size at which the official code leaves the square; from there one resampling leads to the image.
        """
        ...


@contextmanager
def reporting(steps: Sequence[nn.Module], report: Report, message: str) -> Iterator[None]:
    """Report whenever one of the steps begins, the first at 0; what the report raises comes out of the model."""

    def hook(number: int) -> Callable[[nn.Module, object], None]:
        return lambda module, given: report(number / len(steps), message)

    handles = [step.register_forward_pre_hook(hook(number)) for number, step in enumerate(steps)]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
