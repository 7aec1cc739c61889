from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPointF, QRectF

from desktop.canvas.host import CanvasInstance
from desktop.canvas.paths import PathCache, detail, path_of, reduced, rough_rings
from desktop.dataset.masks import Mask


def test_the_stream_form_is_the_same_path_as_one_built_by_hand() -> None:
    outer, hole = np.array([(0, 0), (10, 0), (10, 10), (0, 10)], float), np.array([(3, 3), (6, 3), (6, 6)], float)
    path = path_of([outer, hole])
    assert path.boundingRect() == QRectF(0, 0, 10, 10)
    assert path.contains(QPointF(1, 1))
    assert not path.contains(QPointF(5, 4))
    assert path_of([]).isEmpty()


@pytest.mark.parametrize("scale", [0.01, 0.3, 0.9, 1.5, 2.0, 64.0])
def test_every_level_stays_within_a_view_pixel_and_a_half(scale: float) -> None:
    rows, columns = np.mgrid[:300, :300]
    mask = Mask.from_array(np.hypot(columns - 150, rows - 140) < 100)
    path = PathCache().get(CanvasInstance(1, mask, "#ffffff"), detail(scale))
    box = path.boundingRect()
    x0, y0, x1, y1 = mask.bbox
    off = max(abs(box.left() - x0), abs(box.top() - y0), abs(box.right() - x1), abs(box.bottom() - y1))
    assert off * scale <= 1.5


def test_outlines_are_exact_from_200_percent(make: Any) -> None:
    assert detail(2.0) is None
    path = PathCache().get(make(1, 10, 20, 30, 50), None)
    assert path.boundingRect() == QRectF(10, 20, 20, 30)


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (9, 1)])
def test_thin_objects_do_not_vanish_at_small_scales(shape: tuple[int, int]) -> None:
    (ring,) = rough_rings(np.ones(shape, bool), 5, 6)
    assert ring.min(axis=0).tolist() == [5, 6]
    assert ring.max(axis=0).tolist() == [5 + shape[1], 6 + shape[0]]
    assert not path_of(reduced([ring], -12)).isEmpty()


def test_a_changed_instance_gets_a_new_path(make: Any) -> None:
    cache = PathCache()
    cache.get(make(1, 0, 0, 10, 10), None)
    cache.forget(1)
    assert cache.get(make(1, 5, 5, 20, 20), None).boundingRect() == QRectF(5, 5, 15, 15)
