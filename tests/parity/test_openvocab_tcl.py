"""TCL against the official code: towers, grounded embeddings, refinement, masks, labels and training losses."""

from __future__ import annotations

import re

import pytest
from torch import Tensor

from inference.models.tcl import pamr
from inference.models.tcl.losses import LossWeights, losses
from inference.models.tcl.masker import similarities
from inference.models.tcl.model import label_map, pad
from tests.parity import vectors
from tests.parity.openvocab_vectors import MODEL, TclVectors, thinned

CLOSE = 1e-5
NAMES = [name.removesuffix("_io") for name in vectors.cases(MODEL, "tcl*_io")]


@pytest.fixture(scope="module", params=NAMES)
def tcl(request: pytest.FixtureRequest) -> TclVectors:
    vectors_of_tcl = TclVectors(request.param)
    vectors_of_tcl.case.compared = 0
    return vectors_of_tcl


@pytest.fixture
def texts(tcl: TclVectors) -> Tensor:
    return tcl.model.embed(tcl.case["tokens"])


def test_texts(tcl: TclVectors, texts: Tensor) -> None:
    tcl.case.close("text_embedding", texts, CLOSE, 0.0)
    tcl.case.done()


def test_frozen_tower(tcl: TclVectors) -> None:
    model, case = tcl.model, tcl.case
    padded, frame = pad(case["image"], model.shape.patch)
    tokens = model.clip_image_encoder.clip_visual.tokens_before_last(padded)
    case.close("frozen_block_out", tokens.transpose(0, 1), CLOSE, 0.0)
    size = frame.padded_height // model.shape.patch, frame.padded_width // model.shape.patch
    case.close("frozen_spatial", model.frozen_map(tokens, *size), CLOSE, 0.0)
    case.close("clip_global", model.clip_image_encoder.global_embedding(padded), CLOSE, 0.0)
    case.done()


def test_masks(tcl: TclVectors, texts: Tensor) -> None:
    model, case = tcl.model, tcl.case
    features = model.encode(case["image"], tcl.config["pamr_dilations"])
    thinned(case, "grounded_embedding", features.grounded, CLOSE)
    case.close("similarity", similarities(features.grounded, texts), CLOSE, 0.0)
    rounds = tcl.config["pamr_iter"]
    soft = model.soft_masks(features, texts)
    case.close("soft_mask", soft, CLOSE, 0.0)
    case.equal("hard_mask", soft > 0.5)
    case.close("pamr_mask", pamr.refine(soft, features.affinity, rounds, features.dilations), CLOSE, 0.0)
    share = tcl.config["kp_w"]
    for name, refinements, preserved in (
        ("plain", 0, 0.0),
        ("kp", 0, share),
        ("pamr", rounds, 0.0),
        ("pamr_kp", rounds, share),
    ):
        case.close(f"final_{name}", model.masks(features, texts, refinements, preserved), CLOSE, 0.0)
    case.done()


def test_label_maps(tcl: TclVectors, texts: Tensor) -> None:
    model, case = tcl.model, tcl.case
    features = model.encode(case["image"], tcl.config["pamr_dilations"])
    mixed = model.masks(features, texts, tcl.config["pamr_iter"], tcl.config["kp_w"])
    plain = model.masks(features, texts, 0, 0.0)
    ours = {
        "labels_bg040": label_map(mixed, 0.4),
        "labels_bg050": label_map(plain, 0.5),
        "labels_nobg": label_map(mixed),
    }
    found = [name for name in ours if name in case]
    for name in found:
        same = (ours[name] == case[name].long()).float().mean().item()
        assert same >= 0.999, f"{name}: {same:.4f} equal"
    assert found


def test_refinement_alone(tcl: TclVectors) -> None:
    case = tcl.case
    config = tcl.config
    guide, mask = case["pamr_in_image"], case["pamr_in_mask"]
    for name in case.tensors:
        if name == "pamr_out_10_full":
            iterations, dilations = config["pamr_iter"], config["pamr_dilations"]
        elif found := re.fullmatch(r"pamr_out_(\d+)((?:_d\d+)+)", name):
            iterations, dilations = int(found[1]), [int(d) for d in re.findall(r"_d(\d+)", found[2])]
        else:
            continue
        weights = pamr.affinity(guide, dilations)
        case.close(name, pamr.refine(mask, weights, iterations, dilations), CLOSE, 0.0)
    case.done()


def test_training_losses(tcl: TclVectors) -> None:
    case = tcl.case
    config = tcl.config
    weights = LossWeights(config["tcl_w"], config["area_w"], config["tv_w"])
    ours = losses(tcl.model, case["train_image"], case["train_tokens"], case["train_uniform"], weights)
    case.close("train_mask", ours.positive, CLOSE, 0.0)
    case.close("train_neg_mask", ours.negative, CLOSE, 0.0)
    for name, loss in (
        ("tcli_loss", ours.image),
        ("tclf_loss", ours.feature),
        ("area_loss", ours.area),
        ("neg_area_loss", ours.negative_area),
        ("tv_img_loss", ours.smooth_features),
        ("tv_mask_loss", ours.smooth_masks),
        ("total", ours.total),
    ):
        case.close(f"train_{name}", loss.reshape(1), CLOSE, 0.0)
    case.done()
