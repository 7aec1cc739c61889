"""Named settings of a Peekaboo run: the published code's and the second paper's."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Preset:
    """Settings of one run; sizes in pixels, ``gravity`` for alpha of 256 x 256 (a sum over pixels)."""

    form: str = "fourier"
    iterations: int = 300
    learning_rate: float = 1e-5
    backgrounds: int = 1
    guidance: float = 100.0
    gravity: float = 0.05
    intersection: float = 0.0
    first_step: int = 20
    last_step: int = 980
    alpha_size: int = 256
    picture_size: int = 512
    kernel: int = 3
    tolerance: float = 0.08
    sigma: float = 5.0
    filter_iterations: int = 40


PRESETS = {
    "code": Preset(),
    "paper": Preset(form="raster", iterations=200),
}
"""Both filter alpha by the image; they differ in its form and in the number of iterations."""
