"""Loading of TCL's weights under official names, with the frozen towers in the file or from a CLIP checkpoint.

The released file is minimal: it holds the masker alone. Then CLIP ViT-B/16 comes from a transformers checkpoint.
"""

from __future__ import annotations

import re

import torch
from torch import Tensor

from inference.engine import WrongWeights
from inference.models.tcl.model import Tcl
from inference.models.tcl.shape import shape_of

IGNORED = ("pamr.",)
"""Made anew on first use by the official code, and then saved with the rest: constants."""

TEMPERATURES = ("tcli_loss.logit_scale", "tclf_loss.logit_scale")
"""Of training; a minimal file may lack them."""

TUNED = "masker.image_encoder.backbone.transformer.resblocks."

_BLOCK = {
    "self_attn.out_proj": "attn.out_proj",
    "layer_norm1": "ln_1",
    "layer_norm2": "ln_2",
    "mlp.fc1": "mlp.c_fc",
    "mlp.fc2": "mlp.c_proj",
}
_VISUAL = {
    "vision_model.embeddings.class_embedding": "clip_image_encoder.clip_visual.class_embedding",
    "vision_model.embeddings.position_embedding.weight": "clip_image_encoder.clip_visual.positional_embedding",
    "vision_model.embeddings.patch_embedding.weight": "clip_image_encoder.clip_visual.conv1.weight",
    "vision_model.pre_layrnorm.weight": "clip_image_encoder.clip_visual.ln_pre.weight",
    "vision_model.pre_layrnorm.bias": "clip_image_encoder.clip_visual.ln_pre.bias",
    "vision_model.post_layernorm.weight": "clip_image_encoder.clip_proj.ln.weight",
    "vision_model.post_layernorm.bias": "clip_image_encoder.clip_proj.ln.bias",
    "text_model.embeddings.token_embedding.weight": "clip_text_encoder.token_embedding.weight",
    "text_model.embeddings.position_embedding.weight": "clip_text_encoder.positional_embedding",
    "text_model.final_layer_norm.weight": "clip_text_encoder.ln_final.weight",
    "text_model.final_layer_norm.bias": "clip_text_encoder.ln_final.bias",
}
_TRANSPOSED = {
    "visual_projection.weight": "clip_image_encoder.clip_proj.proj",
    "text_projection.weight": "clip_text_encoder.text_projection",
}
_TOWERS = {"vision_model": "clip_image_encoder.clip_visual", "text_model": "clip_text_encoder"}


def towers_of(clip: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of both towers by OpenAI's names, from those of a transformers ``CLIPModel``."""
    renamed = {ours: clip[theirs] for theirs, ours in _VISUAL.items() if theirs in clip}
    renamed |= {ours: clip[theirs].T for theirs, ours in _TRANSPOSED.items() if theirs in clip}
    for name, tensor in clip.items():
        found = re.fullmatch(r"(vision_model|text_model)\.encoder\.layers\.(\d+)\.(.+)\.(weight|bias)", name)
        if not found:
            continue
        tower, number, part, kind = found.groups()
        block = f"{_TOWERS[tower]}.transformer.resblocks.{number}"
        if part in _BLOCK:
            renamed[f"{block}.{_BLOCK[part]}.{kind}"] = tensor
        elif part == "self_attn.q_proj":
            each = [clip[name.replace("q_proj", f"{which}_proj")] for which in "qkv"]
            renamed[f"{block}.attn.in_proj_{kind}"] = torch.cat(each)
    return renamed


def load(
    tensors: dict[str, Tensor],
    clip: dict[str, Tensor] | None = None,
    heads: int | None = None,
    text_heads: int | None = None,
) -> Tcl:
    """A model in evaluation mode, float32, from a TCL file's tensors and, when these lack the towers, CLIP's.

    ``clip`` is the state of a transformers ``CLIPModel``. Raises :class:`WrongWeights`, naming every tensor that is
    missing, left over, or of another shape, and when the towers of the file are not the CLIP model given.
    """
    given = {name: tensor for name, tensor in tensors.items() if not name.startswith(IGNORED)}
    towers = towers_of(clip) if clip is not None else {}
    changed = [name for name in towers.keys() & given.keys() if not _same(towers[name], given[name])]
    if changed:
        raise WrongWeights("\n".join(["The image and text towers in this TCL file are not CLIP's.", *sorted(changed)]))
    merged = towers | given
    try:
        shape = shape_of({name: tuple(tensor.shape) for name, tensor in merged.items()}, heads, text_heads)
    except KeyError as error:
        raise WrongWeights(f"This is not a TCL checkpoint with its CLIP model: {error.args[0]} is missing.") from error
    with torch.device("meta"):
        model = Tcl(shape)
    expected = model.state_dict()
    for name in TEMPERATURES:
        merged.setdefault(name, torch.tensor(1 / 0.07).log())
    merged = {_block_renamed(name, shape.tuned): tensor.float() for name, tensor in merged.items()}
    wrong = [f"missing: {name}" for name in sorted(expected.keys() - merged.keys())]
    wrong += [f"not used: {name}" for name in sorted(merged.keys() - expected.keys())]
    wrong += [
        f"other shape: {n}" for n in sorted(expected.keys() & merged.keys()) if expected[n].shape != merged[n].shape
    ]
    if wrong:
        raise WrongWeights("\n".join([f"This file is not a TCL checkpoint: {len(wrong)} tensors differ.", *wrong]))
    model.load_state_dict(merged, strict=True, assign=True)
    return model.eval().requires_grad_(False)


def _block_renamed(name: str, tuned: int) -> str:
    """The tuned block may be called 0, when a list was sliced and counted anew."""
    if name.startswith(f"{TUNED}0."):
        return f"{TUNED}{tuned}.{name[len(TUNED) + 2 :]}"
    return name


def _same(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and torch.allclose(one.float(), other.float(), atol=1e-3)
