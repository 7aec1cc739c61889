"""The models of the open-vocabulary vectors, built from their files."""

from __future__ import annotations

import math
from typing import Any

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors.torch import load_file
from torch import Tensor
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

from inference.models.odise.checkpoint import Frozen
from inference.models.odise.checkpoint import load as load_odise
from inference.models.odise.classify import Vocabulary
from inference.models.odise.finish import Segment
from inference.models.odise.model import Odise, Shares
from inference.models.tcl.checkpoint import load as load_tcl
from inference.models.tcl.model import Tcl
from tests.parity import vectors
from tests.parity.vectors import Case

MODEL = "openvocab"


def weights(name: str) -> dict[str, Tensor]:
    """The tensors of a weights file; they are kept in eight bits, to which they were rounded before the run."""
    tensors = load_file(vectors.folder(MODEL) / f"{name}.safetensors")
    return {key: tensor.float() if tensor.is_floating_point() else tensor for key, tensor in tensors.items()}


def thinned(case: Case, key: str, ours: Tensor, absolute: float) -> None:
    """Compare ``key`` or, when only every n-th channel was kept, ``key_cn``."""
    case.close(key, ours, absolute, 0.0)
    for channels, _ in case.numbered(f"{key}_c"):
        case.close(f"{key}_c{channels}", ours[:, ::channels], absolute, 0.0)


def rows(segments: list[Segment]) -> Tensor:
    return torch.tensor([[s.id, s.category, s.is_thing] for s in segments]).reshape(-1, 3)


def top_for(log_probs: Tensor, things: frozenset[int], wanted: int) -> int:
    """How many of the best pairs of query and class hold the wanted number of things."""
    probabilities = log_probs.softmax(-1)[:, :-1]
    classes = (probabilities.flatten().argsort(descending=True) % probabilities.shape[1]).tolist()
    places = [place for place, category in enumerate(classes) if category in things]
    return places[wanted - 1] + 1


class TclVectors:
    """The TCL model, its vectors, and how they were made."""

    def __init__(self, name: str) -> None:
        self.case = Case(MODEL, f"{name}_io")
        self.config: dict[str, Any] = vectors.read_json(MODEL, f"{name}_meta.json")["config"]
        self.model: Tcl = load_tcl(
            weights(f"{name}_weights"),
            heads=self.config["vision_heads"],
            text_heads=self.config["transformer_heads"],
        )


class OdiseVectors:
    """One of the two ODISE models, with tiny frozen networks, its vectors, and how they were made."""

    def __init__(self, name: str) -> None:
        self.case = Case(MODEL, f"{name}_io")
        self.meta: dict[str, Any] = vectors.read_json(MODEL, "odise_meta.json")
        seen = Case(MODEL, "odise_label_io")
        """Holds the inputs that both models share."""
        self.image = seen["image"][None].float() / 255
        self.names, self.photos = seen["text_raw"], seen["text_photo"]
        self.flavour = name.removeprefix("odise_")
        self.model: Odise = load_odise(*self.parts(name))
        vocabulary = self.meta["vocab"]
        self.vocabulary = Vocabulary(
            names=tuple(tuple(names) for names in vocabulary["test"]),
            things=frozenset(vocabulary["things"]),
            trained=frozenset(name for names in vocabulary["train"] for name in names),
        )
        self.shares = Shares(**self.meta[self.flavour])

    @staticmethod
    def parts(name: str) -> tuple[dict[str, Tensor], Frozen]:
        """The official tensors of a model, and the frozen networks."""
        tensors = weights("odise_label_weights")
        if name != "odise_label":
            backbone = {key: tensor for key, tensor in tensors.items() if key.startswith("backbone.")}
            tensors = backbone | weights(f"{name}_head_weights")
        seen = Case(MODEL, "odise_label_io")
        configs = vectors.read_json(MODEL, "frozen_configs.json")
        unet = UNet2DConditionModel(**configs["unet"])
        unet.load_state_dict(weights("frozen_unet_diffusers"))
        vae = AutoencoderKL(**configs["vae"])
        vae.load_state_dict(weights("frozen_vae_diffusers"))
        clip = CLIPVisionModelWithProjection(CLIPVisionConfig(**configs["clip_vision"]))
        clip.load_state_dict(weights("frozen_clip_vision_hf"))
        for network in (unet, vae, clip):
            network.eval().requires_grad_(False)
        frozen = Frozen(
            unet, vae, clip, seen["uncond_inputs"], math.exp(configs["clip_logit_scale"]), configs["vae"]["sample_size"]
        )
        return tensors, frozen
