"""The SEEM decoder against the official code: whole images, visual prompts, text, mixtures, and several objects."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from inference.models.seem.decoder import Step, masks_of
from inference.models.seem.finish import cropped, enlarged, instances, panoptic, semantic
from inference.models.seem.layout import (
    DEMO,
    V0,
    V0_STROKES_WITH_TEXT,
    V0_TEXT_WITH_STROKES,
    GroupName,
)
from inference.models.seem.model import Answer
from inference.models.seem.multi_object import decode_objects
from inference.models.seem.prompting import ModelPrompts
from inference.models.seem.sampler import Choose, Sample
from inference.models.seem.sight import Sight
from tests.parity import vectors
from tests.parity.seem_vectors import Forward, SeemVectors
from tests.parity.vectors import Case

UNIT = 1e-4
ROUNDING = 1.7e-4


@pytest.mark.parametrize("name", vectors.cases("seem", "panoptic_*"))
def test_whole_image(seem: SeemVectors, name: str) -> None:
    case = seem.case(name)
    run = seem.forward(V0, ModelPrompts())
    run.check_attention(case)
    case.close("dec_state0", seem.model.decoder.query_feat.weight[None])
    for step in run.steps:
        case.close(f"dec_state{step.layer + 1}", step.states[GroupName.OBJECT_QUERIES])
    _check_heads(seem, case, "", run.answers[GroupName.OBJECT_QUERIES])
    # auxiliary heads: on the learned queries, then after each layer but the last
    states = [seem.model.decoder.query_feat.weight[None]] + [s.states[GroupName.OBJECT_QUERIES] for s in run.steps]
    for layer, state in enumerate(states[:-1]):
        _check_heads(seem, case, f"aux{layer}_", seem.model.answer(state))
    _check_regions(seem, case, run.answers[GroupName.OBJECT_QUERIES])
    case.done()


@pytest.mark.parametrize("name", vectors.cases("seem", "panoptic_*"))
def test_demo_layout_without_prompts_is_v0(seem: SeemVectors, name: str) -> None:
    case = seem.case(name)
    _check_heads(seem, case, "", seem.forward(DEMO, ModelPrompts()).answers[GroupName.OBJECT_QUERIES])
    case.done()


@pytest.mark.parametrize("name", vectors.cases("seem", "spatial_v0_*", "interactive_text_*"))
def test_visual_prompts(seem: SeemVectors, name: str) -> None:
    case = seem.case(name)
    positive, negative = seem.padded(case["pos_masks"]), seem.padded(case["neg_masks"])
    said = seem.model.sample(seem.sight, positive, negative, _choice_of(case))
    text = seem.phrase(case)[0] if "phrase_index" in case else None
    layout = V0_STROKES_WITH_TEXT if text is not None else V0
    run = seem.forward(layout, ModelPrompts(spatial=said.tokens, text=text, previous=case.get("prev_mask")))
    answer = run.answers[GroupName.SPATIAL_QUERIES]
    run.check_attention(case)
    case.close("pred_pspatials", said.positive[:, None], UNIT)
    case.close("pred_nspatials", said.negative[:, None], UNIT)
    case.close("pred_smasks", answer.masks(seem.sight))
    case.close("pred_smaskembs", answer.mask_embeddings, UNIT)
    logits = seem.model.text.class_logits(answer.class_vectors, seem.names)
    case.close("spatial_class_logits", logits)
    # without a positive prompt all queries tie, and which one an argmax returns means nothing
    matched = positive.flatten(1).any(1)
    best = answer.matching(said.positive).argmax(1)
    case.equal("selected_query", best, matched)
    best = torch.where(matched, best, case["selected_query"].to(best.dtype)) if "selected_query" in case else best
    case.equal("label", logits[torch.arange(len(best)), best].argmax(-1), matched)
    if matched.all() or "selected_query" in case:
        case.close("next_prev_mask", answer.mask(seem.sight, best))
    case.done()


@pytest.mark.parametrize("name", vectors.cases("seem", "grounding_*"))
def test_text_prompts(seem: SeemVectors, name: str) -> None:
    case = seem.case(name)
    tokens, whole = seem.phrase(case)
    spatial = None
    if "pos_masks" in case:
        positive = seem.padded(case["pos_masks"])
        spatial = seem.model.sample(seem.sight, positive, torch.zeros_like(positive), _choice_of(case)).tokens
    layout = V0 if spatial is None else V0_TEXT_WITH_STROKES
    run = seem.forward(layout, ModelPrompts(spatial=spatial, text=tokens))
    answer = run.answers[GroupName.GROUNDING_QUERIES]
    run.check_attention(case)
    case.close("pred_gmasks", answer.masks(seem.sight))
    case.close("pred_gtexts", answer.class_vectors)
    objects = run.answers[GroupName.OBJECT_QUERIES]
    case.close("pred_logits", seem.model.text.class_logits(objects.class_vectors, seem.names))
    similarity = seem.model.text.similarity(answer.class_vectors, whole)[0]
    case.close("similarity", similarity)
    case.equal("selected_query", similarity.argmax(0))
    case.done()


@pytest.mark.parametrize("name", vectors.cases("seem", "demo_*"))
def test_demo_layout(seem: SeemVectors, name: str) -> None:
    case = seem.case(name)
    stroke = example = tokens = whole = None
    if "phrase_index" in case:
        tokens, whole = seem.phrase(case)
    if "stroke" in case:
        positive = seem.padded(case["stroke"][None])
        stroke = seem.model.sample(seem.sight, positive, torch.zeros_like(positive), _choice_of(case))
    if "ref_mask" in case:
        example = _reference(seem, case)
        case.close("visual_query_pos", example.positive[:, None], UNIT)
        case.close("visual_query_neg", example.negative[:, None], UNIT)
        _check_tokens(case, "src_visual_queries", example)
        for _, masking in case.numbered("src_visual_maskings"):
            assert torch.equal(masking.bool(), ~example.tokens.valid)
    run = seem.forward(
        DEMO,
        ModelPrompts(
            spatial=stroke.tokens if stroke else None, visual=example.tokens if example else None, text=tokens
        ),
    )
    run.check_attention(case)
    _check_demo(seem, case, run, stroke or example, whole)
    case.done()


@pytest.mark.parametrize("name", vectors.cases("seem", "exemplar_*"))
def test_reference_in_v0(seem: SeemVectors, name: str) -> None:
    case = seem.case(name)
    said = _reference(seem, case)
    case.close("spatial_query_pos", said.positive[:, None], UNIT)
    _check_tokens(case, "src_spatial_queries", said)
    run = seem.forward(V0, ModelPrompts(spatial=said.tokens))
    run.check_attention(case)
    answer = run.answers[GroupName.SPATIAL_QUERIES]
    case.close("prev_mask_out", answer.mask(seem.sight, answer.matching(said.positive).argmax(1)))
    case.done()


@pytest.mark.parametrize("name", vectors.cases("seem", "spatial_v1_*"))
def test_several_objects(seem: SeemVectors, name: str) -> None:
    case = seem.case(name)
    steps: list[Step] = []
    objects = case.get("memory_indices_per_layer")
    answer = decode_objects(
        seem.model.decoder,
        seem.sight,
        seem.padded(case["pos_masks"]),
        seem.padded(case["neg_masks"]),
        case.get("prev_mask"),
        case["query_indices"].long(),
        None if objects is None else objects.long(),
        steps.append,
    )
    case.equal("layer0_cross_attn_blocked", steps[0].cross_blocked)
    _check_updated_rows(seem, case, steps[0])
    case.close("pred_smaskembs", answer.mask_embeddings, UNIT)
    case.close("pred_smasks", masks_of(answer.mask_embeddings, seem.sight.mask_features))
    case.close("prev_mask_out", answer.masks)
    vectors_ = seem.model.decoder.class_vectors(answer.states)
    case.close("spatial_class_logits", seem.model.text.class_logits(vectors_, seem.names))
    case.done()


def _check_updated_rows(seem: SeemVectors, case: Case, step: Step) -> None:
    """Compare the rows that are updated: queries come first, memories last, tokens between them have no rows."""
    theirs = case.get("layer0_self_attn_blocked")
    if theirs is None:
        return
    queries = seem.shape.queries + len(case["query_indices"])
    memories = 0 if step.memory_objects is None else len(step.memory_objects)
    rows = torch.cat((theirs[:, :queries], theirs[:, theirs.shape[1] - memories :]), 1)
    assert torch.equal(rows.bool(), step.self_blocked)


def _check_heads(seem: SeemVectors, case: Case, prefix: str, answer: Answer) -> None:
    case.close(f"{prefix}pred_logits", seem.model.text.class_logits(answer.class_vectors, seem.names))
    case.close(f"{prefix}pred_masks", answer.masks(seem.sight))


def _check_regions(seem: SeemVectors, case: Case, answer: Answer) -> None:
    sized = next((case[key] for key in ("sem_seg", "panoptic_seg", "inst_masks") if key in case), None)
    if sized is None:
        return
    height, width = sized.shape[-2:]
    masks = enlarged(cropped(answer.masks(seem.sight), seem.sight.padded, seem.size), (height, width))[0]
    logits = seem.model.text.class_logits(answer.class_vectors, seem.names)[0]
    case.close("sem_seg", semantic(logits, masks))
    test = seem.config["v0"]["MODEL"]["DECODER"]["TEST"]
    countable = _things(seem)
    for suffix, things in (("", countable), ("_things0", frozenset({0}))):
        ids, segments = panoptic(logits, masks, things, test["OBJECT_MASK_THRESHOLD"], test["OVERLAP_THRESHOLD"])
        case.equal(f"panoptic_seg{suffix}", ids)
        ours = [{"id": s.id, "isthing": s.is_thing, "category_id": s.category} for s in segments]
        assert ours == seem.meta.get(f"panoptic_segments_info{suffix}", ours)
    if "inst_scores" in case:
        _check_instances(seem, case, logits, masks, countable)


def _things(seem: SeemVectors) -> frozenset[int]:
    """Classes 0 to 3, as the vectors' README says, but for what their segments say otherwise."""
    said = {each["category_id"]: each["isthing"] for each in seem.meta.get("panoptic_segments_info", [])}
    return frozenset(index for index in {*range(4), *said} if said.get(index, True))


def _check_instances(seem: SeemVectors, case: Case, logits: Tensor, masks: Tensor, things: frozenset[int]) -> None:
    """The vectors keep the things among the best pairs; their order is of no meaning."""
    count = seem.config["demo"]["MODEL"]["DECODER"]["TEST"]["DETECTIONS_PER_IMAGE"]
    scores, classes, inside = instances(logits, masks, count, things)
    assert len(scores) == len(case["inst_scores"])
    theirs = list(zip(case["inst_classes"].tolist(), case["inst_scores"].tolist(), case["inst_masks"], strict=True))
    for score, label, mask in zip(scores.tolist(), classes.tolist(), inside, strict=True):
        index = next(
            i for i, (c, s, m) in enumerate(theirs) if c == label and abs(s - score) < UNIT and torch.equal(m > 0, mask)
        )
        theirs.pop(index)


def _check_demo(seem: SeemVectors, case: Case, run: Forward, visual: Sample | None, text: Tensor | None) -> None:
    answer, sight = run.answers[GroupName.OBJECT_QUERIES], seem.sight
    logits = seem.model.text.class_logits(answer.class_vectors, seem.names)
    case.close("pred_logits", logits)
    case.close("pred_masks", answer.masks(sight))
    case.close("pred_maskembs", answer.mask_embeddings, UNIT)
    case.close("pred_captions", answer.class_vectors)
    similarity = None
    if text is not None:
        similarity = seem.model.text.similarity(answer.class_vectors, text)[0]
        case.close("text_similarity", similarity)
    if visual is not None:
        case.close("prompt_emb", visual.positive[:, None], UNIT)
        similarity = answer.matching(visual.positive).T
    if similarity is None:
        return
    case.close("similarity", similarity)
    best = similarity.argmax(0)
    case.equal("selected_query", best)
    mask = cropped(answer.mask(sight, best), sight.padded, seem.size)[:, 0]
    case.close("selected_mask_upsampled", mask)
    case.equal("binary_mask", mask > 0, _decided(case, mask))
    case.equal("label", logits[0, best].argmax(-1))


def _decided(case: Case, ours: Tensor) -> Tensor:
    """Pixels whose recorded logit is farther from 0 than float32 rounding of the official code itself (README)."""
    theirs = case.get("selected_mask_upsampled")
    decided = (ours if theirs is None else theirs).abs() > ROUNDING
    assert decided.float().mean() > 0.999
    return decided


def _reference(seem: SeemVectors, case: Case) -> Sample:
    """The sampler on another image; its answers are read from the maps of that image."""
    sight: Sight = seem.model.look(seem.model.preprocess(case["ref_image"]))
    region = seem.padded(case["ref_mask"][None], sight)
    return seem.model.sample(sight, region, torch.zeros_like(region), _choice_of(case))


def _check_tokens(case: Case, prefix: str, said: Sample) -> None:
    for level, tokens in enumerate(said.tokens.levels):
        case.close(f"{prefix}{level}", tokens.transpose(0, 1))


def _choice_of(case: Case) -> Choose:
    """The points that the official code drew, which are in the file whenever there were too many."""

    def choose(count: int, limit: int, purpose: str, sign: int) -> Tensor:
        return case[f"perm_{purpose}"].long()

    return choose
