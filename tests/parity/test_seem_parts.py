"""The parts of SEEM against the official code: text, image encoders, pixel decoders, and the table of layouts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import nn

from inference.models.seem import checkpoint
from inference.models.seem.deformable import DeformablePixelDecoder
from inference.models.seem.focal import FocalNet
from inference.models.seem.layout import DEMO, V0, GroupName, Layout
from inference.models.seem.pixel_decoder import PixelDecoder
from inference.models.seem.positions import sine_positions
from inference.models.seem.shape import SeemShape, VitShape, focal_from_official
from inference.models.seem.text import unit
from inference.models.seem.vit import SamVit
from tests.parity import vectors
from tests.parity.seem_vectors import SeemVectors
from tests.parity.vectors import Case

PARTS = ("text", "backbone", "pixel_decoder", "module_focal_L_style_backbone", "module_deform_*", "module_sam_vit_*")
DECODER = ("panoptic_*", "spatial_v?_*", "interactive_*", "grounding_*", "demo_*", "exemplar_*")


def test_every_file_has_a_test() -> None:
    assert set(vectors.cases("seem", "*")) == set(vectors.cases("seem", "weights", *PARTS, *DECODER))


def test_saved_weights_have_the_official_names_and_values(seem: SeemVectors, tmp_path: Path) -> None:
    path = tmp_path / "saved.safetensors"
    checkpoint.save(seem.model, path)
    saved = checkpoint.read_tensors(path)
    assert saved.keys() == seem.tensors.keys() - checkpoint.IGNORED
    assert all(torch.equal(saved[name], seem.tensors[name]) for name in saved)


@pytest.mark.parametrize(("variant", "layout"), [("v0", V0), ("demo", DEMO), ("v1", V0)])
def test_layouts_are_those_of_the_configuration(seem: SeemVectors, variant: str, layout: Layout) -> None:
    official = seem.config[variant]["ATTENTION_ARCH"]["SELF_ATTENTION"]
    table = {
        GroupName(f"{kind}_{name}"): frozenset(GroupName(seen) for seen in row)
        for kind, rows in official.items()
        for name, row in rows.items()
    }
    assert layout.sees == table


@pytest.mark.parametrize("name", vectors.cases("seem", "text"))
def test_text(seem: SeemVectors, name: str) -> None:
    case = seem.case(name)
    text = seem.model.text
    if "class_prompt_ids" in case:
        case.close("class_text_embeddings", text.names(case["class_prompt_ids"].long()), 1e-4, 0)
    if "phrase_ids" in case:
        ids = case["phrase_ids"].long()
        case.close("phrase_last_hidden", text.lang_encoder(ids))
        tokens, whole = text(ids)
        case.close("phrase_token_emb", tokens)
        case.close("phrase_class_emb", whole)
        case.close("phrase_class_emb_norm", unit(whole), 1e-4, 0)
    case.done()


@pytest.mark.parametrize("name", vectors.cases("seem", "backbone"))
def test_image_encoder(seem: SeemVectors, name: str) -> None:
    case = seem.case(name)
    image = seem.model.preprocess(case["image"])
    case.close("padded_normalized", image, 1e-5)
    for stage, ours in enumerate(seem.model.backbone(image), 2):
        case.close(f"res{stage}", ours)
    case.done()


@pytest.mark.parametrize("name", vectors.cases("seem", "pixel_decoder"))
def test_pixel_decoder(seem: SeemVectors, name: str) -> None:
    case = seem.case(name)
    decoder = seem.model.pixel_decoder
    assert isinstance(decoder, PixelDecoder)
    maps = seem.model.backbone(seem.model.preprocess(seem.pixels))
    pyramid = decoder(maps)
    case.close("transformer_encoder_features", decoder.encoded(maps[-1]))
    case.close("mask_features", pyramid.mask_features)
    for level, ours in enumerate(pyramid.levels):
        case.close(f"ms{level}", ours)
        case.close(f"pos_ms{level}", sine_positions(ours.shape[2], ours.shape[3], ours.shape[1], ours))
    case.done()


@pytest.mark.parametrize("name", vectors.cases("seem", "module_focal_L_style_backbone"))
def test_focal_large_style_image_encoder(seem_folder: Path, name: str) -> None:
    case = Case("seem", name)
    config = json.loads((seem_folder / "config_focal_L_style.json").read_text())
    network = _loaded(FocalNet(focal_from_official(config)), case)
    for stage, ours in enumerate(network(case["in.padded_normalized"]), 2):
        case.close(f"out.res{stage}", ours)
    case.done()


@pytest.mark.parametrize("name", vectors.cases("seem", "module_deform_*"))
def test_deformable_pixel_decoder(seem: SeemVectors, name: str) -> None:
    case = Case("seem", name)
    maps = [tensor for _, tensor in case.numbered("in.res")]
    weight = case["w.mask_features.weight"]
    shape = SeemShape(
        VitShape(0, 0, 1, (), channels=tuple(each.shape[1] for each in maps)),
        pyramid=weight.shape[1],
        mask=weight.shape[0],
        heads=seem.shape.heads,
        encoder_layers=_count(case, "w.transformer.encoder.layers."),
    )
    pyramid = _loaded(DeformablePixelDecoder(shape), case)(maps)
    case.close("out.mask_features", pyramid.mask_features)
    for level, ours in enumerate(pyramid.levels):
        case.close(f"out.ms{level}", ours)
    case.done()


@pytest.mark.parametrize("name", vectors.cases("seem", "module_sam_vit_*"))
def test_sam_vit(name: str) -> None:
    case = Case("seem", name)
    network = _loaded(SamVit(_vit_shape(case)), case)
    for stage, ours in enumerate(network(case["in.x"]), 2):
        case.close(f"out.res{stage}", ours)
    case.done()


def _vit_shape(case: Case) -> VitShape:
    """Sizes of a SAM-ViT from its tensors: a block's reach tells its window, and a global block's is the grid."""
    grid, width = case["w.pos_embed"].shape[1], case["w.pos_embed"].shape[3]
    depth = _count(case, "w.blocks.")
    relative = [case[f"w.blocks.{index}.attn.rel_pos_h"] for index in range(depth)]
    sides = [(each.shape[0] + 1) // 2 for each in relative]
    neck = "w.neck.down_{}.weight"
    return VitShape(
        width,
        depth,
        heads=width // relative[0].shape[1],
        global_blocks=tuple(index for index, side in enumerate(sides) if side == grid),
        grid=grid,
        window=min(sides),
        patch=case["w.patch_embed.proj.weight"].shape[2],
        channels=tuple(case[neck.format(end)].shape[0] for end in ("4.5", "8.2", "16.0", "32.2")),
        middle=(
            case[neck.format("4.0")].shape[1],
            case[neck.format("8.0")].shape[1],
            case[neck.format("32.0")].shape[0],
        ),
    )


def _count(case: Case, prefix: str) -> int:
    return 1 + max(int(key[len(prefix) :].split(".")[0]) for key in case.tensors if key.startswith(prefix))


def _loaded(module: nn.Module, case: Case) -> nn.Module:
    weights = {key[2:]: tensor for key, tensor in case.tensors.items() if key.startswith("w.")}
    module.load_state_dict(weights, strict=True)
    return module.eval().requires_grad_(False)
