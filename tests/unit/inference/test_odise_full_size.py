"""ODISE at the released sizes with random weights: strict loading, and what one crop and a new vocabulary cost."""

from __future__ import annotations

import resource
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from transformers import CLIPConfig, CLIPModel, CLIPTextConfig, CLIPTextModel

from inference.engine import Image, Vocabulary, WrongWeights, silent
from inference.engines import odise
from inference.models.clip import towers
from inference.models.odise import checkpoint, naming, segmenter
from inference.models.odise.masked_clip import ImageTokens
from inference.models.odise.model import Odise, OdiseFeatures
from inference.models.odise.segmenter import OdiseSegmenter, OdiseSight
from inference.vocabularies import packaged
from tests.parity import vectors
from tests.parity.openvocab_vectors import OdiseVectors
from tests.unit.inference.odise_released import PARAMETERS, released_tensors
from tests.unit.inference.test_labels_full_size import LARGE, ReadTexts
from tests.unit.inference.test_tcl_full_size import write_word_pieces

FROZEN = ("features.unet.", "features.vae.", "features.clip.")
CROPS = 6
"""Of a photo of 4:3 at the released resolution."""

CROP_OPERATIONS = 2.9e12
"""Per crop, the frozen networks alone (odise.md, section 13)."""


@pytest.mark.parametrize("kind", PARAMETERS)
def test_the_released_names_load_strictly(kind: str) -> None:
    tensors = released_tensors(kind)
    assert sum(each.numel() for each in tensors.values()) == PARAMETERS[kind]
    _, small = OdiseVectors.parts("odise_label")
    model = checkpoint.load({**tensors, "criterion.empty_weight": torch.ones(2)}, small)
    assert model.reads_photo_prompts == (kind == "caption")
    held = [each for name, each in model.named_parameters() if not name.startswith(FROZEN)]
    assert sum(each.numel() for each in held) == PARAMETERS[kind]
    name = "sem_seg_head.predictor.transformer_ffn_layers.8.linear1.weight"
    tensors[name] = tensors[name][:-1]
    with pytest.raises(WrongWeights, match=r"decoder\.layers\.8\.fc1"):
        checkpoint.load(tensors, small)


@pytest.mark.full_size
@pytest.mark.timeout(3600)
def test_new_names_cost_little_of_what_the_image_cost() -> None:
    """Against the least that six crops can cost here: their operations at the speed of a matrix product."""
    _, small = OdiseVectors.parts("odise_label")
    model = checkpoint.load(released_tensors("label"), small)
    sight = _as_of_a_photo()
    old, new = (Vocabulary(packaged("everyday").names[start : start + 10]) for start in (0, 10))
    with torch.inference_mode():
        _whole_image(model, sight, old)
        found, changed = _timed(lambda: _whole_image(model, sight, new))
    one = torch.randn(1024, 1024)
    _, product = _timed(lambda: [one @ one for _ in range(20)])
    image = CROPS * CROP_OPERATIONS * product / (20 * 2 * 1024**3)
    print(f"\nten new names: {changed:.2f} s of CPU, {found} segments; {CROPS} crops cost {image:.0f} s at least")
    print(f"share {changed / image:.4f}")
    assert changed <= 0.02 * image


def _whole_image(model: Odise, sight: OdiseSight, vocabulary: Vocabulary) -> int:
    """All but the texts' embeddings: both classifiers, the panoptic map, and the regions."""
    whole, wanted = segmenter._compared(vocabulary)
    said = naming.words(whole, wanted, ReadTexts(), torch.device("cpu"))  # type: ignore[arg-type]
    log_probs = naming.scores(model, sight.features, said).log_probs
    found = segmenter._panoptic(log_probs, sight.features.enlarged(sight.features.image), said, 0.0)
    return len([segmenter._enlarged(mask, sight.height, sight.width) for mask, _, _ in found])


@pytest.mark.full_size
@pytest.mark.timeout(7200)
def test_full_size_networks_load_and_new_names_are_cheap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In half precision, as on a GPU: half the memory."""
    for module in (segmenter, towers):
        monkeypatch.setattr(module, "torch_dtype", lambda: torch.bfloat16)
    head = tmp_path / "odise.pth"
    torch.save({"model": released_tensors("label")}, head)
    engine, loading = _timed(
        lambda: OdiseSegmenter(odise.SPEC, {"label": head}, _diffusion(tmp_path / "sd"), _clip(tmp_path / "clip"))
    )
    monkeypatch.setattr(segmenter, "SHORT", 512)
    pixels = np.random.default_rng(0).integers(0, 256, (512, 512, 3), np.uint8)
    small, crop = _timed(lambda: engine.encode(Image(pixels, "hash"), silent))
    assert torch.isfinite(small.features.masks).all()

    sight = _as_of_a_photo()
    old, new = (Vocabulary(packaged("everyday").names[start : start + 10]) for start in (0, 10))
    _, texts = _timed(lambda: engine.everything(sight, old, silent))
    _, again = _timed(lambda: engine.everything(sight, old, silent))
    _, changed = _timed(lambda: engine.everything(sight, new, silent))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(
        f"\nmaking and loading {loading:.0f} s of CPU; one crop with its masks {crop:.1f} s; peak {peak / 1e9:.1f} GB"
    )
    print(f"kept of a photo: {sight.nbytes / 1e6:.0f} MB")
    print(f"whole image, first time (all texts) {texts:.1f} s; same names {again:.2f} s; ten new names {changed:.2f} s")
    print(f"ten new names / ({CROPS} crops and all texts): {changed / (CROPS * crop + texts):.4f}")
    assert changed <= 0.02 * (CROPS * crop + texts)


def _as_of_a_photo() -> OdiseSight:
    """Features of 1024 x 1365 pixels: 100 blobs as masks, the rest random."""
    ys, xs = torch.meshgrid(torch.linspace(0, 1, 256), torch.linspace(0, 1, 352), indexing="ij")
    centres = torch.rand(100, 2)
    far = (ys - centres[:, :1, None]) ** 2 + (xs - centres[:, 1:, None]) ** 2
    keys = tuple(torch.randn(16, 577, 64).half() for _ in range(24))
    features = OdiseFeatures(
        masks=(2 - 300 * far).half(),
        queries=torch.randn(100, 256),
        pooled=torch.randn(100, 256),
        embeddings=torch.randn(100, 256),
        clip_embeddings=torch.randn(100, 768),
        pixels=torch.randn(256, 256, 352).half(),
        tokens=ImageTokens(keys, keys, torch.randn(1, 1024)),
        padded=(1024, 1408),
        image=(1024, 1365),
    )
    return OdiseSight(features, 1536, 2048)


def _timed(work: Callable[[], Any]) -> tuple[Any, float]:
    start = time.process_time()
    result = work()
    return result, time.process_time() - start


def _filled(build: Callable[[], Any]) -> Any:
    """A network in half precision with random weights: built without memory first, because initialising takes long."""
    with torch.device("meta"):
        network = build()
    network = network.half().to_empty(device="cpu")
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if parameter.dim() > 1:
                parameter.normal_(0.0, parameter[0].numel() ** -0.5)
            else:
                parameter.fill_(float("norm" in name and name.endswith("weight")))
    return network


def _diffusion(folder: Path) -> Path:
    """Stable Diffusion 1's sizes."""
    unet = _filled(lambda: UNet2DConditionModel(sample_size=64, cross_attention_dim=768))
    assert sum(each.numel() for each in unet.parameters()) == 859_520_964
    unet.save_pretrained(folder / "unet")
    del unet
    shape: dict[str, Any] = {
        "down_block_types": ("DownEncoderBlock2D",) * 4,
        "up_block_types": ("UpDecoderBlock2D",) * 4,
        "block_out_channels": (128, 256, 512, 512),
    }
    vae = _filled(lambda: AutoencoderKL(**shape, layers_per_block=2, sample_size=512))
    assert sum(each.numel() for each in vae.parameters()) == 83_653_863
    vae.save_pretrained(folder / "vae")
    text = CLIPTextConfig(hidden_size=768, intermediate_size=3072, num_attention_heads=12)
    _filled(lambda: CLIPTextModel(text)).save_pretrained(folder / "text_encoder")
    for part in ("tokenizer", "scheduler"):
        shutil.copytree(vectors.folder("diffusion") / "models" / part, folder / part)
    return folder


def _clip(folder: Path) -> Path:
    config = CLIPConfig(
        vision_config=LARGE.to_dict(),
        text_config={"hidden_size": 768, "intermediate_size": 3072, "num_attention_heads": 12},
        projection_dim=768,
    )
    _filled(lambda: CLIPModel(config)).save_pretrained(folder)
    write_word_pieces(folder / "merges.txt")
    return folder
