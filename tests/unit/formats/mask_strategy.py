"""Random masks for property tests of formats."""

from __future__ import annotations

import cv2
import numpy as np
from hypothesis import strategies as st

from desktop.dataset.masks import Mask


@st.composite
def masks(draw: st.DrawFn) -> Mask:
    """Blobs and noise of all sizes, with holes, parts and pixels that touch at corners."""
    width, height = draw(st.integers(1, 40)), draw(st.integers(1, 40))
    noise = np.random.default_rng(draw(st.integers(0, 2**32 - 1))).random((height, width), np.float32)
    blurred = cv2.GaussianBlur(noise, (0, 0), draw(st.floats(0.1, 4)))
    return Mask.from_array(blurred > np.quantile(blurred, draw(st.floats(0, 0.95))))
