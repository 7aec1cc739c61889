"""Operations with a number and keeping off others, as properties of masks."""

from __future__ import annotations

from functools import reduce

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from desktop.dataset.masks import Mask
from desktop.workspace.operations import AMOUNTS, Operation, kept_off, shaped

SHAPE = (12, 15)
masks = hnp.arrays(np.bool_, SHAPE).map(Mask.from_array)
NOTHING = Mask.empty(SHAPE[1], SHAPE[0])


@given(masks, masks, st.lists(masks, max_size=4))
def test_nothing_new_is_taken_from_others_and_nothing_old_is_lost(mask, before, others):
    kept = kept_off(mask, before, others)
    taken = reduce(Mask.union, others, NOTHING)
    assert kept.subtract(mask).is_empty
    assert kept.intersect(before) == mask.intersect(before)
    assert kept.subtract(before).overlap(taken) == 0
    assert mask.subtract(kept) == mask.subtract(before).intersect(taken)


@given(masks, st.sampled_from(list(Operation)), st.integers(0, 10))
def test_every_number_offered_is_taken(mask, operation, step):
    amount = AMOUNTS[operation]
    value = amount.low + step * (min(amount.high, 20) - amount.low) / 10
    result = shaped(operation, mask, value)
    assert (result.width, result.height) == (mask.width, mask.height)
    if operation is Operation.REMOVE_SMALL:
        assert result.subtract(mask).is_empty
    elif operation is Operation.FILL_HOLES:
        assert mask.subtract(result).is_empty
    elif operation is Operation.GROW:
        inner, outer = (result, mask) if value < 0 else (mask, result)
        assert inner.subtract(outer).is_empty
