"""Loading of TCL and ODISE files: released names and sizes, towers from a CLIP checkpoint, and files that are wrong."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from transformers import CLIPConfig, CLIPModel, Mask2FormerConfig

from inference.engine import WrongWeights
from inference.models.odise.checkpoint import Frozen
from inference.models.odise.checkpoint import load as load_odise
from inference.models.odise.classify import MaskEmbedding
from inference.models.odise.diffusion_features import Bottleneck, Captioner
from inference.models.odise.mask_generator import MaskGenerator
from inference.models.odise.model import TextHead
from inference.models.tcl.checkpoint import load as load_tcl
from inference.models.tcl.model import Tcl
from inference.models.tcl.shape import TclShape
from inference.models.tcl.windows import averaged, corners, resized_size, windows
from tests.parity import vectors
from tests.parity.openvocab_vectors import MODEL, OdiseVectors

SMALL = TclShape(
    width=64,
    layers=2,
    heads=1,
    patch=8,
    grid=4,
    out=16,
    text_width=64,
    text_layers=2,
    text_heads=1,
    words=50,
    context=9,
)
RELEASED_PARAMETERS = 28_725_510


@pytest.fixture(scope="module")
def clip() -> CLIPModel:
    tower = {"hidden_size": 64, "intermediate_size": 256, "num_hidden_layers": 2, "num_attention_heads": 1}
    config = CLIPConfig(
        vision_config={**tower, "patch_size": 8, "image_size": 32},
        text_config={**tower, "vocab_size": 50, "max_position_embeddings": 9, "bos_token_id": 48, "eos_token_id": 49},
        projection_dim=16,
    )
    return CLIPModel(config).eval().requires_grad_(False)


def masker_tensors() -> dict[str, Tensor]:
    return {name: tensor for name, tensor in Tcl(SMALL).state_dict().items() if name.startswith("masker.")}


def test_towers_come_from_a_clip_checkpoint(clip: CLIPModel) -> None:
    model = load_tcl(masker_tensors(), clip.state_dict())
    image, tokens = (
        torch.randn(2, 3, 32, 32),
        torch.tensor([[48, 5, 49, 49, 49, 49, 49, 49, 49], [48, 7, 8, 3, 9, 49, 49, 49, 49]]),
    )
    theirs = clip(input_ids=tokens, pixel_values=image)
    ours = model.clip_image_encoder.global_embedding(image)
    torch.testing.assert_close(torch.nn.functional.normalize(ours, dim=-1), theirs.image_embeds, atol=1e-5, rtol=0)
    texts = model.clip_text_encoder(tokens)
    torch.testing.assert_close(torch.nn.functional.normalize(texts, dim=-1), theirs.text_embeds, atol=1e-5, rtol=0)


def test_the_tuned_block_may_be_counted_anew(clip: CLIPModel) -> None:
    tensors = masker_tensors()
    anew = {name.replace("resblocks.1.", "resblocks.0."): tensor for name, tensor in tensors.items()}
    one, other = load_tcl(tensors, clip.state_dict()), load_tcl(anew, clip.state_dict())
    for name, tensor in one.state_dict().items():
        assert torch.equal(tensor, other.state_dict()[name]), name


def test_a_wrong_tcl_file_is_named(clip: CLIPModel) -> None:
    tensors = masker_tensors()
    tensors["masker.more"] = tensors.pop("masker.sim2mask.w")
    with pytest.raises(WrongWeights) as caught:
        load_tcl(tensors, clip.state_dict())
    assert "missing: masker.sim2mask.w" in str(caught.value)
    assert "not used: masker.more" in str(caught.value)


def test_towers_that_are_not_clips_are_refused(clip: CLIPModel) -> None:
    with pytest.raises(WrongWeights, match="not CLIP's"):
        load_tcl(Tcl(SMALL).state_dict(), clip.state_dict())


def test_the_released_size() -> None:
    with torch.device("meta"):
        model = Tcl(TclShape())
    learned = {name: tensor for name, tensor in model.state_dict().items() if name.startswith("masker.")}
    assert sum(tensor.numel() for tensor in learned.values()) == RELEASED_PARAMETERS
    block = "masker.image_encoder.backbone.transformer.resblocks.11.attn.in_proj_weight"
    assert learned[block].shape == (2304, 768)


@given(st.integers(1, 3000))
def test_windows_cover_a_side(length: int) -> None:
    starts = corners(length)
    assert starts[0] == 0
    assert max(min(start + 448, length) for start in starts) == length
    assert all(after - before <= 224 for before, after in pairwise(starts))


def test_windows_are_averaged() -> None:
    image = torch.rand(1, 3, 40, 70)
    parts = ((rows, columns, image[0, :2, rows, columns]) for rows, columns in windows(40, 70, window=16, step=8))
    torch.testing.assert_close(averaged(parts, 40, 70), image[0, :2])


def test_the_resolution_of_the_evaluation() -> None:
    assert resized_size(480, 640) == (448, 597)
    assert resized_size(100, 1000) == (205, 2048)


@pytest.mark.parametrize("change", ["missing", "more"])
def test_a_wrong_odise_file_is_named(change: str, odise_parts: tuple[dict[str, Tensor], Frozen]) -> None:
    tensors, frozen = dict(odise_parts[0]), odise_parts[1]
    if change == "missing":
        name = "sem_seg_head.predictor.query_embed.weight"
        del tensors[name]
        expected = "queries_embedder"
    else:
        name = expected = "sem_seg_head.more"
        tensors[name] = torch.zeros(1)
    with pytest.raises(WrongWeights, match=expected):
        load_odise(tensors, frozen)


@pytest.fixture(scope="module", params=[name.removesuffix("_io") for name in vectors.cases(MODEL, "odise_label_io")])
def odise_parts(request: pytest.FixtureRequest) -> tuple[dict[str, Tensor], Frozen]:
    return OdiseVectors.parts(request.param)


def test_the_released_sizes_of_odise() -> None:
    config = Mask2FormerConfig(
        feature_size=256,
        mask_feature_size=256,
        hidden_dim=256,
        encoder_feedforward_dim=1024,
        encoder_layers=6,
        decoder_layers=10,
        num_attention_heads=8,
        dim_feedforward=2048,
        num_queries=100,
        common_stride=4,
    )
    with torch.device("meta"):
        shared: list[torch.nn.Module] = [
            Captioner(768, 77, 768, 1280),
            *(Bottleneck(channels, 128, 512) for channels in (512, 512, 2560, 1920, 960, 640, 512, 512)),
            MaskGenerator(config, [512] * 4),
            MaskEmbedding(256, 256, 256, 3),
        ]
        label = [*shared, TextHead(768, 256, with_none=True)]
        caption = [*shared, TextHead(768, 256, with_none=False), torch.nn.Linear(256, 2)]
    assert sum(part.numel() for module in label for part in module.parameters()) == 28_067_009
    assert sum(part.numel() for module in caption for part in module.parameters()) == 28_066_755
