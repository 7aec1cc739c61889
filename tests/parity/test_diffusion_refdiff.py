"""Ref-Diff against the official functions on tiny models; sizes, texts and masks come from the vectors."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors import safe_open
from torch import Tensor
from transformers import CLIPModel

from inference.models.diffusion import stable
from inference.models.diffusion.stable import StableDiffusion
from inference.models.refdiff import attention, heat, scores
from inference.models.refdiff.clip import MaskClip, cut_out
from inference.models.refdiff.ramp import dimmed, ramp
from inference.models.refdiff.root_word import root_word
from inference.models.refdiff.words import meant_word, token_of
from tests.parity import vectors

NAME = "refdiff"
TOP, SMALLEST = 5, 60
"""Settings that the vectors were made with (their README)."""


@cache
def case(name: str = NAME) -> vectors.Case:
    return vectors.Case("diffusion", name)


@cache
def metadata() -> dict[str, str]:
    path = vectors.folder("diffusion") / f"{NAME}.safetensors"
    if not path.is_file():
        return {}
    with safe_open(path, "pt") as opened:
        return dict(opened.metadata())


TEXTS = sorted(key.removesuffix(".text") for key in metadata() if key.endswith(".text"))
each_text = pytest.mark.parametrize("i", TEXTS)
once = pytest.mark.parametrize("name", vectors.cases("diffusion", NAME))


@cache
def diffusion() -> StableDiffusion:
    return stable.load(vectors.folder("diffusion") / "models", torch.device("cpu"), torch.float32)


@cache
def clip() -> MaskClip:
    model = CLIPModel.from_pretrained(vectors.folder("diffusion") / "models" / "clip", torch_dtype=torch.float32)
    return MaskClip(model.eval(), diffusion().tokenizer)


def text_of(i: str) -> str:
    return metadata()[f"{i}.text"]


def pixels_of(i: str) -> NDArray[np.uint8]:
    return case()[f"rd.{i}.image_u8"].numpy()


def square_of(i: str) -> heat.Square:
    return heat.Square(*pixels_of(i).shape[:2])


def masks_of(i: str) -> NDArray[np.bool_]:
    return case()[f"rd.{i}.masks"].numpy()


def compare(key: str, ours: Tensor | NDArray[np.generic], absolute: float) -> None:
    case().close(key, torch.as_tensor(np.asarray(ours)), absolute, 0)


@cache
def recorded(i: str) -> tuple[attention.WordMaps, list[attention.Step]]:
    seen: list[attention.Step] = []
    latent, noise = case()[f"rd.{i}.latent"], case()[f"rd.{i}.noise"]
    embedded = diffusion().embed(["", text_of(i) + ", "])
    (maps,) = attention.word_maps(diffusion(), latent, noise, embedded[:1], embedded[1:], watch=seen.append)
    return maps, seen


@once
def test_schedule(name: str) -> None:
    ddim = attention.Ddim.of(diffusion().alphas_cumprod)
    case(name).equal("rd.ddim_timesteps", ddim.steps)
    case(name).close("rd.ddim_alphas", ddim.signal, 1e-6, 0)
    case(name).close("rd.ddim_alphas_prev", ddim.cleaner, 1e-6, 0)


@once
def test_ramps(name: str) -> None:
    for direction in ("left", "right", "top", "bottom"):
        key = f"rd.P.{direction}"
        if key in case(name):
            height, width, _channels = case(name)[key].shape
            ours = ramp(direction, height, width)[:, :, None].repeat(3, 2)
            assert np.abs(ours - case(name)[key].numpy()).max() <= 1e-12


@once
def test_position_table(name: str) -> None:
    case(name).close("rd.pos_interp_6x9", clip().positions(6, 9)[0, 1:].detach(), 1e-5, 0)


@each_text
def test_words(i: str) -> None:
    found = meant_word(text_of(i), metadata()[f"{i}.root"])
    assert found.word == metadata()[f"{i}.root"]
    assert token_of(diffusion().tokenizer, text_of(i), found) == int(metadata()[f"{i}.root_index"])
    case().equal(f"rd.{i}.sd_ids", stable.tokens(diffusion().tokenizer, [text_of(i) + ", "], 77)[0])
    for key, text in {"clip_ids": text_of(i), "core_ids": found.word}.items():
        theirs = case().get(f"rd.{i}.{key}")
        if theirs is not None:  # padded with zeros there, with the end token here
            ours = stable.tokens(diffusion().tokenizer, [text], 77)[0]
            length = int(ours.argmax()) + 1
            assert torch.equal(ours[:length], theirs[:length].long())
            assert not theirs[length:].any()


@each_text
def test_root_word(i: str) -> None:
    assert root_word(text_of(i)).word == metadata()[f"{i}.root"]


@each_text
def test_input_of_the_diffusion_model(i: str) -> None:
    side = case()[f"rd.{i}.sd_input"].shape[-1]
    shown = square_of(i).padded(pixels_of(i), side)
    case().equal(f"rd.{i}.sd_input", torch.from_numpy(shown).permute(2, 0, 1))
    with torch.no_grad():
        mean, deviation = diffusion().posterior(heat.as_input(shown))
    latent = diffusion().vae.config.scaling_factor * (mean + deviation * case()[f"rd.{i}.vae_eps"])
    compare(f"rd.{i}.latent", latent, 1e-3)


@each_text
def test_two_steps(i: str) -> None:
    embedded = diffusion().embed(["", text_of(i) + ", "])
    compare(f"rd.{i}.uncond", embedded[:1], 1e-5)
    compare(f"rd.{i}.cond", embedded[1:], 1e-5)
    for number, step in enumerate(recorded(i)[1]):
        key = f"rd.{i}.step{number}"
        case().equal(f"{key}.t", torch.tensor([step.time]))
        compare(f"{key}.x_in", step.x, 2e-3)
        compare(f"{key}.eps_uncond", step.unconditional, 2e-3)
        compare(f"{key}.eps_cond", step.conditional, 2e-3)


@each_text
def test_attention_map(i: str) -> None:
    token = int(metadata()[f"{i}.root_index"])
    columns = heat.column(recorded(i)[0].logits, token)
    compare(f"rd.{i}.heatmaps", columns, 1e-3)
    levels = heat.as_levels(columns)
    compare(f"rd.{i}.heat_u8", levels.astype(np.float32), 1)
    same = np.array_equal(levels, case()[f"rd.{i}.heat_u8"].numpy()) if f"rd.{i}.heat_u8" in case() else False
    compare(f"rd.{i}.c", heat.released_map(levels, square_of(i)), 1e-6 if same else 2e-2)


@each_text
def test_attention_map_is_the_same_without_the_rest_of_the_last_call(i: str) -> None:
    latent, noise = case()[f"rd.{i}.latent"], case()[f"rd.{i}.noise"]
    embedded = diffusion().embed(["", text_of(i) + ", "])
    (maps,) = attention.word_maps(diffusion(), latent, noise, embedded[:1], embedded[1:])
    assert torch.equal(maps.logits, recorded(i)[0].logits)
    several = attention.word_maps(diffusion(), latent, noise, embedded[:1], embedded)
    assert (several[1].logits - maps.logits).abs().max() < 2e-3
    assert (several[1].shares - maps.shares).abs().max() < 1e-4


@each_text
def test_filter_and_attention_scores(i: str) -> None:
    masks = masks_of(i)
    kept = scores.large_ones(masks.sum((1, 2)), TOP, SMALLEST)
    case().equal(f"rd.{i}.filtered", torch.from_numpy(kept.astype(np.float64)))
    c = case()[f"rd.{i}.c"].numpy()
    compare(f"rd.{i}.s_G", scores.attention_scores(c, masks), 1e-5)
    # float64: cells of whole levels lie exactly on thresholds, where single precision decides otherwise
    exact = heat.released_map(case()[f"rd.{i}.heat_u8"].numpy(), square_of(i)) if f"rd.{i}.heat_u8" in case() else c
    levels = scores.level_masks(exact)
    packed = case().get(f"rd.{i}.wf_masks_packed")
    if packed is not None:
        theirs = np.unpackbits(packed.numpy(), axis=-1)[:, :, : masks.shape[2]].astype(bool)
        assert np.count_nonzero(theirs != levels) <= 4
    compare(f"rd.{i}.wf_s_G", scores.attention_scores(c, levels), 1e-4)


@each_text
def test_features_and_scores(i: str) -> None:
    text, masks, pixels = text_of(i), masks_of(i), pixels_of(i)
    full, core = clip().texts([text, metadata()[f"{i}.root"]])
    compare(f"rd.{i}.text_feat", full[None], 1e-5)
    compare(f"rd.{i}.core_feat", core[None], 1e-5)
    # the official code looks for the letters anywhere ("bright"); ours for words, and it is the ramp that is compared
    direction = "left" if "left" in text else "right" if "right" in text else None
    height, width = pixels.shape[:2]
    factors = np.ones((height, width)) if direction is None else ramp(direction, height, width)
    shown = dimmed(pixels, factors)
    compare(f"rd.{i}.image_pos", shown, 1e-3)
    hard = torch.cat([clip().crop(cut_out(shown, mask)) for mask in masks])
    soft, _ = clip().masked(pixels, masks)
    compare(f"rd.{i}.hard_feat", hard, 1e-5)
    compare(f"rd.{i}.soft_feat", soft, 1e-5)
    s_g = scores.attention_scores(case()[f"rd.{i}.c"].numpy(), masks)
    parts = scores.Parts((hard @ full).numpy(), (soft @ (0.5 * full + 0.5 * core)).numpy(), s_g)
    compare(f"rd.{i}.s_hard", parts.hard, 1e-5)
    compare(f"rd.{i}.s_soft", parts.soft, 1e-5)
    compare(f"rd.{i}.s_D", parts.total(scores.Weights(attention=0)), 1e-5)
    total = parts.total(scores.RELEASED)
    compare(f"rd.{i}.score_unfiltered", total, 1e-5)
    kept = scores.large_ones(masks.sum((1, 2)), TOP, SMALLEST)
    filtered = total * kept
    compare(f"rd.{i}.score", filtered, 1e-5)
    case().equal(f"rd.{i}.best", torch.tensor([int(filtered.argmax())]))
