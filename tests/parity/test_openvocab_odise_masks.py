"""ODISE's mask generator and its post-processing against the official code, on given features and scores."""

from __future__ import annotations

import re

import pytest
import torch
from torch.nn import functional

from inference.models.odise import mask_generator
from inference.models.odise.finish import EnlargedMasks, instances, panoptic, semantic
from tests.parity import vectors
from tests.parity.openvocab_vectors import MODEL, rows, top_for, weights
from tests.parity.vectors import Case

STANDALONE = vectors.cases(MODEL, "odise_m2f*_io")
FINISHED = vectors.cases(MODEL, "odise_postprocess*_io")
CLOSE = 1e-4


@pytest.mark.parametrize("name", STANDALONE)
def test_mask_generator(name: str) -> None:
    case = Case(MODEL, name)
    generator = mask_generator.load(weights("odise_label_weights"))
    found = generator([tensor for _, tensor in case.numbered("in_s")])
    case.close("mask_features", found.pixels, CLOSE, 0.0)
    for number, scale in enumerate(found.scales):
        case.close(f"multiscale_{number}", scale, CLOSE, 0.0)
    for number, (masks, _) in enumerate(found.earlier):
        case.close(f"aux{number}_pred_masks", masks, CLOSE, 0.0)
    case.close("pred_masks", found.masks, CLOSE, 0.0)
    case.done()


def things_of(case: Case) -> frozenset[int]:
    """The things are not in the file: those that its segments say are things, and the classes of its instances."""
    tables = [tensor for key, tensor in case.tensors.items() if key.startswith("segments_")]
    said = {int(category) for table in tables for _, category, is_thing in table if is_thing}
    return frozenset(said | set(case["inst_classes"].tolist() if "inst_classes" in case else []))


@pytest.mark.parametrize("name", FINISHED)
def test_finish(name: str) -> None:
    case = Case(MODEL, name)
    log_probs, masks = case["mask_cls"], case["mask_pred"]
    things = things_of(case)
    for key in case.tensors:
        if thresholds := re.fullmatch(r"panoptic_obj(\d{3})_ov(\d{3})", key):
            score, overlap = (int(part) / 100 for part in thresholds.groups())
            found, segments = panoptic(log_probs, masks, things, score, overlap)
            case.equal(key, found)
            case.equal(key.replace("panoptic", "segments"), rows(segments))
    case.close("sem_seg", semantic(log_probs, masks), CLOSE, 0.0)
    if "inst_scores" in case and len(case["inst_scores"]):
        top = top_for(log_probs, things, len(case["inst_scores"]))
        ours = instances(log_probs, masks, things, top)
        case.close("inst_scores", ours.scores, CLOSE, 0.0)
        case.equal("inst_classes", ours.categories)
        case.equal("inst_masks", ours.masks)
    case.done()


def test_masks_are_enlarged_one_at_a_time() -> None:
    logits = torch.randn(3, 8, 12)
    masks = EnlargedMasks(logits, (32, 48), (30, 41), (60, 82))
    whole = functional.interpolate(logits[None], size=(32, 48), mode="bilinear")[..., :30, :41]
    together = functional.interpolate(whole, size=(60, 82), mode="bilinear")[0]
    assert len(masks) == 3
    for query, expected in enumerate(together):
        torch.testing.assert_close(masks[query], expected)
