"""Maskwright's engines without its window: usable as a library and headless.

Example::

    import numpy as np
    from inference import open_engine
    from inference.engine import Image, silent
    from inference.prompts import Point, PromptSet

    engine = open_engine("classic")
    image = Image(np.zeros((480, 640, 3), np.uint8), content_hash="any text that names these pixels")
    features = engine.encode(image, silent)                     # heavy, once per image
    prompts = PromptSet((Point(320.5, 240.5),))
    result = engine.segment(features, prompts, None, silent)    # light, once per round
    refined = engine.segment(features, prompts.added(Point(10.5, 10.5, positive=False)), result.memory, silent)
    masks = [candidate.mask() for candidate in refined.candidates]   # bool (480, 640)

Importing this package loads neither torch nor Qt; :func:`open_engine` loads what the engine needs.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from inference.engine import Engine

# OpenMP reads this when torch is loaded, so it has to be said before. By default a thread that waits for the others
# keeps its core busy: where another program wants that core, a click of Lite took 1.5 s instead of 0.05.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

__all__ = ["__version__", "open_engine"]

__version__ = "0.1.0"
"""The version of the whole program, here and nowhere else; pyproject.toml reads it."""


def open_engine(name: str | None = None) -> Engine:
    """Load an engine by name in this process; without a name the best one that needs no installation.

    Raises :class:`inference.registry.UnknownEngine` for a name that does not exist, and
    :class:`inference.engine.WeightsMissing` when the engine's weights are not installed.
    """
    from inference import registry

    return registry.create_engine(name if name is not None else registry.default_engine())
