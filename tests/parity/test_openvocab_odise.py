"""ODISE against the official code, from the image to panoptic maps, and its CLIP side on given masks."""

from __future__ import annotations

import re

import pytest
import torch
from torch import Tensor

from inference.models.odise.diffusion_features import crop_corners
from inference.models.odise.finish import instances, panoptic, semantic
from inference.models.odise.mask_generator import MaskPredictions
from inference.models.odise.model import OdiseFeatures, Scores, padded
from tests.parity import vectors
from tests.parity.openvocab_vectors import MODEL, OdiseVectors, rows, thinned, top_for

CLIP, TAPS, HEAD, MASKS = 1e-4, 5e-4, 1e-3, 2e-3
MOST_PIXELS = 1e-3
NAMES = [name.removesuffix("_io") for name in vectors.cases(MODEL, "odise_label_io", "odise_caption_io")]


@pytest.fixture(scope="module", params=NAMES)
def odise(request: pytest.FixtureRequest) -> OdiseVectors:
    return OdiseVectors(request.param)


@pytest.fixture(scope="module")
def maps(odise: OdiseVectors) -> list[Tensor]:
    return odise.model.features(padded(odise.image))


@pytest.fixture(scope="module")
def found(odise: OdiseVectors, maps: list[Tensor]) -> MaskPredictions:
    predictions: MaskPredictions = odise.model.generator(maps)
    return predictions


@pytest.fixture(scope="module")
def features(odise: OdiseVectors, found: MaskPredictions) -> OdiseFeatures:
    return odise.model.describe(odise.image, found)


@pytest.fixture(scope="module")
def scores(odise: OdiseVectors, features: OdiseFeatures) -> Scores:
    return odise.model.classify(features, odise.vocabulary, odise.names, odise.photos, odise.shares)


def test_crops(odise: OdiseVectors, maps: list[Tensor]) -> None:
    case, network = odise.case, odise.model.features
    case.close("shared_noise", network.noise, 1e-6, 0.0)
    image = padded(odise.image)
    side = min(network.crop, *image.shape[-2:])
    seen = [network.see(image[..., y : y + side, x : x + side]) for y, x in crop_corners(*image.shape[-2:], side)]
    case.close("crop_clip_image_embed", torch.cat([crop.embedding for crop in seen]), CLIP, 0.0)
    case.close("crop_cond_inputs", torch.cat([crop.caption for crop in seen]), CLIP, 0.0)
    case.close("crop_cond_emb", torch.cat([crop.offset for crop in seen]), CLIP, 0.0)
    for number, crop in enumerate(seen):
        for place, tap in enumerate(crop.taps):
            thinned(case, f"crop{number}_tap{place}", tap, TAPS)
    for number, level in enumerate(maps, start=2):
        thinned(case, f"backbone_s{number}", level, TAPS)
    if odise.flavour == "label":
        case.done()


def test_masks(odise: OdiseVectors, found: MaskPredictions) -> None:
    case = odise.case
    for number, scale in enumerate(found.scales):
        thinned(case, f"pixel_multiscale_{number}", scale, HEAD)
    case.close("pred_masks", found.masks, MASKS, 0.0)
    embedding = odise.model.embedding
    for number, (masks, queries) in enumerate(found.earlier):
        case.close(f"aux{number}_pred_masks", masks, MASKS, 0.0)
        case.close(f"aux{number}_mask_embed", embedding(embedding.pooled(masks, queries, found.pixels)), HEAD, 0.0)
    case.done()


def test_classes(odise: OdiseVectors, features: OdiseFeatures, scores: Scores) -> None:
    case = odise.case
    case.close("mask_pooled_features", features.pooled[None], HEAD, 0.0)
    case.close("mask_embed", features.embeddings[None], HEAD, 0.0)
    case.close("logit_scale", odise.model.embedding.scale.reshape(1), CLIP, 0.0)
    case.close("class_logits_raw", scores.own[None], HEAD, 0.0)
    case.close("diffusion_open_logits", scores.diffusion[None], HEAD, 0.0)
    case.close("clip_mask_embed", features.clip_embeddings[None], CLIP, 0.0)
    case.close("clip_open_logits", scores.clip[None], CLIP, 0.0)
    case.close("ensemble_open_logits", scores.mixed[None], CLIP, 0.0)
    case.close("final_log_probs", scores.log_probs, CLIP, 0.0)
    case.done()


def test_results(odise: OdiseVectors, features: OdiseFeatures, scores: Scores) -> None:
    case, things = odise.case, odise.vocabulary.things
    masks = features.enlarged(tuple(odise.meta["output_hw"]))
    for key in list(case.tensors):
        if threshold := re.fullmatch(r"panoptic_thr(\d{3})", key):
            ours, segments = panoptic(scores.log_probs, masks, things, overlap=int(threshold[1]) / 100)
            different = (ours != case[key]).float().mean().item()
            assert different <= MOST_PIXELS, f"{key}: {different:.4%} of the pixels differ"
            case.equal(key.replace("panoptic", "segments"), rows(segments))
    case.close("sem_seg", semantic(scores.log_probs, masks), HEAD, 0.0)
    if "inst_scores" in case and len(case["inst_scores"]):
        top = top_for(scores.log_probs, things, len(case["inst_scores"]))
        ours = instances(scores.log_probs, masks, things, top)
        case.close("inst_scores", ours.scores, CLIP, 0.0)
        case.equal("inst_classes", ours.categories)
        different = (ours.masks != case["inst_masks"].bool()).float().mean().item()
        assert different <= MOST_PIXELS
    case.done()


def test_masks_of_the_user(odise: OdiseVectors, features: OdiseFeatures) -> None:
    case = odise.case
    if "user_masks" not in case:
        return
    logits = case["user_masks"][0].float() * 20 - 10
    embeddings = odise.model.masked_clip.embed(features.tokens, logits)
    case.close("user_mask_embed", embeddings[None], CLIP, 0.0)
    ours = odise.model.clip_logits(embeddings, odise.vocabulary, odise.photos)
    case.close("user_clip_logits", ours[None], CLIP, 0.0)
    case.done()
