"""Loading of ODISE's heads under official names. The frozen networks are given: they are in no ODISE file."""

from __future__ import annotations

from dataclasses import dataclass

from diffusers import AutoencoderKL, UNet2DConditionModel
from torch import Tensor, nn
from transformers import CLIPVisionModelWithProjection

from inference.engine import WrongWeights
from inference.models.odise import mask_generator
from inference.models.odise.classify import MaskEmbedding
from inference.models.odise.diffusion_features import CROP, TAP_LEVELS, Bottleneck, Captioner, DiffusionFeatures
from inference.models.odise.model import CAPTION_SHARES, LABEL_SHARES, Odise, TextHead

CAPTIONER = "backbone.feature_extractor."
PROJECTIONS = "backbone.feature_projections."
EMBEDDING = "sem_seg_head.predictor.post_mask_embed."
OBJECT = "sem_seg_head.predictor.class_embed."
LABEL_TEXTS, CAPTION_TEXTS = "category_head.", "word_head."
IGNORED = ("criterion.", "pixel_mean", "pixel_std")
"""Of training, or constants."""


@dataclass(frozen=True, slots=True)
class Frozen:
    """Stable Diffusion v1.3 and CLIP ViT-L/14-336: networks that ODISE does not change.

    ``empty`` float (1, length, C): Stable Diffusion's text encoder on the empty text. ``clip_scale``: the
    exponential of CLIP's logit scale. ``crop``: the side of the square that the networks see, pixels.
    """

    unet: UNet2DConditionModel
    vae: AutoencoderKL
    clip: CLIPVisionModelWithProjection
    empty: Tensor
    clip_scale: float
    crop: int = CROP


def load(tensors: dict[str, Tensor], frozen: Frozen) -> Odise:
    """The label or the caption model, whichever the tensors are of, float32, in evaluation mode.

    Raises :class:`WrongWeights`, naming every tensor that is missing, left over, or of another shape.
    """
    rest = {name: tensor.float() for name, tensor in tensors.items() if not name.startswith(IGNORED)}
    try:
        model = _build(rest, frozen)
    except (KeyError, RuntimeError) as error:
        raise WrongWeights(f"This file is not an ODISE checkpoint: {str(error).strip(chr(34) + chr(39))}") from error
    return model.eval().requires_grad_(False)


def _build(tensors: dict[str, Tensor], frozen: Frozen) -> Odise:
    projections = nn.ModuleList(_projection(tensors, number) for number in range(len(TAP_LEVELS)))
    captions = f"{CAPTION_TEXTS}text_proj.weight" in tensors
    text_prefix = CAPTION_TEXTS if captions else LABEL_TEXTS
    hidden, text_width = tensors[f"{text_prefix}text_proj.weight"].shape
    texts = TextHead(text_width, hidden, with_none=not captions)
    parts: dict[str, nn.Module] = {
        CAPTIONER: _captioner(tensors),
        PROJECTIONS: projections,
        EMBEDDING: _embedding(tensors),
        text_prefix: texts,
    }
    object_head = None
    if captions:
        classes, width = tensors[f"{OBJECT}weight"].shape
        object_head = nn.Linear(width, classes)
        parts[OBJECT] = object_head
    used = {name for name in tensors if mask_generator.pixel_decoder_name(name) or mask_generator.predictor_name(name)}
    for prefix, part in parts.items():
        own = {name[len(prefix) :]: tensor for name, tensor in tensors.items() if name.startswith(prefix)}
        part.load_state_dict(own, strict=True)
        used |= {prefix + name for name in own}
    unused = sorted(tensors.keys() - used)
    if unused:
        raise KeyError("\n".join([f"{len(unused)} tensors are not used.", *unused]))
    captioner = parts[CAPTIONER]
    embedding = parts[EMBEDDING]
    assert isinstance(captioner, Captioner)
    assert isinstance(embedding, MaskEmbedding)
    features = DiffusionFeatures(
        frozen.unet, frozen.vae, frozen.clip, captioner, projections, frozen.empty, frozen.crop
    )
    generator = mask_generator.load(tensors)
    shares = CAPTION_SHARES if captions else LABEL_SHARES
    return Odise(features, generator, embedding, texts, object_head, frozen.clip_scale, shares)


def _projection(tensors: dict[str, Tensor], number: int) -> nn.Module:
    narrow, channels = tensors[f"{PROJECTIONS}{number}.0.conv1.weight"].shape[:2]
    block = Bottleneck(channels, narrow, tensors[f"{PROJECTIONS}{number}.0.conv3.weight"].shape[0])
    return nn.Sequential(block)


def _captioner(tensors: dict[str, Tensor]) -> Captioner:
    _, length, text_width = tensors[f"{CAPTIONER}alpha_cond"].shape
    image_width = tensors[f"{CAPTIONER}clip_project.linear.weight"].shape[1]
    return Captioner(image_width, length, text_width, tensors[f"{CAPTIONER}alpha_cond_time_embed"].shape[0])


def _embedding(tensors: dict[str, Tensor]) -> MaskEmbedding:
    hidden, pixels = tensors[f"{EMBEDDING}pool_proj.1.weight"].shape
    last = [name for name in tensors if name.startswith(f"{EMBEDDING}mask_embed.1.layers.") and name.endswith("weight")]
    out = tensors[f"{EMBEDDING}mask_embed.1.layers.{len(last) - 1}.weight"].shape[0]
    return MaskEmbedding(pixels, hidden, out, len(last))
