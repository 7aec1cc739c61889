"""Loading of a CLIP model from a folder in the form of ``transformers``, and its embeddings of texts."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from transformers import CLIPModel, CLIPTextModelWithProjection, CLIPVisionModelWithProjection

from inference import text_embeddings
from inference.device import torch_device, torch_dtype
from inference.engine import WeightsMissing, WrongWeights
from inference.models.clip import files
from inference.models.seem.tokenizer import Tokenizer

PHOTO = "a photo of a {}."
AT_ONCE = 256
"""Texts per forward."""

MOST_SCALE = 100.0
SAMPLES, SAMPLE = 64, 1 << 16
"""Blocks of a large file, and bytes of each, that its fingerprint is made of."""


class ClipTexts:
    """The text tower with its tokenizer. Embeddings are kept for ever, by the tower's fingerprint and the text."""

    def __init__(self, tower: Any, tokenizer: Tokenizer, fingerprint: str) -> None:
        self._tower, self._tokenizer = tower, tokenizer
        self._key = f"clip-{fingerprint}"

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embeddings (len(texts), D), not normalised, of texts as they are: put names into a template first."""
        return text_embeddings.shared().get(self._key, texts, self._embedded)

    @torch.inference_mode()
    def _embedded(self, texts: list[str]) -> NDArray[np.float32]:
        """Attention is causal, so the ids are cut behind the longest text of a portion: exact, and quicker."""
        device = next(self._tower.parameters()).device
        rows = []
        # texts of one length go together, so that few of them are padded
        ids = torch.tensor([self._tokenizer(text) for text in texts])
        ends = ids.argmax(1)
        order = ends.argsort(stable=True)
        for portion in torch.split(order, AT_ONCE):
            longest = int(ends[portion].max()) + 1
            states = self._tower.text_model(input_ids=ids[portion, :longest].to(device)).last_hidden_state
            last = states[torch.arange(len(portion), device=device), ends[portion].to(device)]
            rows.append(self._tower.text_projection(last).float().cpu())
        embedded = torch.empty(len(texts), rows[0].shape[1])
        embedded[order] = torch.cat(rows)
        return np.asarray(embedded.numpy(), np.float32)


@dataclass(frozen=True, slots=True)
class Clip:
    """Both towers on the chosen device; ``scale``: the exponential of the logit scale, at most 100."""

    vision: CLIPVisionModelWithProjection
    texts: ClipTexts
    scale: float
    fingerprint: str


def load(folder: Path) -> Clip:
    """The model in a folder. Raises :class:`WrongWeights`, or :class:`WeightsMissing` without its word pieces."""
    model = whole(folder)
    tokenizer = tokenizer_of(folder, model.config.text_config)
    model.to(device=torch_device(), dtype=torch_dtype())
    with torch.device("meta"):
        vision: Any = CLIPVisionModelWithProjection(model.config.vision_config)
        text: Any = CLIPTextModelWithProjection(model.config.text_config)
    vision.vision_model, vision.visual_projection = model.vision_model, model.visual_projection
    text.text_model, text.text_projection = model.text_model, model.text_projection
    digest = fingerprint(folder)
    scale = min(float(model.logit_scale.float().exp()), MOST_SCALE)
    return Clip(vision.eval(), ClipTexts(text.eval(), tokenizer, digest), scale, digest)


def tokenizer_of(folder: Path, text_config: Any) -> Tokenizer:
    """The tokenizer of a CLIP text tower. Raises :class:`WeightsMissing` or :class:`WrongWeights`."""
    pieces = files.word_pieces(folder)
    if pieces is None:
        raise WeightsMissing(f"CLIP's list of word pieces (merges.txt) is missing in {folder.name}.")
    tokenizer = Tokenizer.read(pieces, text_config.max_position_embeddings)
    if tokenizer.end + 1 != text_config.vocab_size:
        raise WrongWeights(f"{pieces.name} in {folder.name} is not the list of word pieces of this CLIP model.")
    return tokenizer


def whole(folder: Path) -> Any:
    """The ``CLIPModel`` in a folder, on the CPU, float32. Raises :class:`WrongWeights` when tensors are missing."""
    return pretrained(CLIPModel, folder, f"The CLIP model in {folder.name}")


def pretrained(network: Any, folder: Path, title: str, **options: Any) -> Any:
    """A network of ``transformers`` or ``diffusers`` from its folder, float32, in evaluation mode.

    Raises :class:`WrongWeights`, naming the tensors that are missing.
    """
    try:
        model, found = network.from_pretrained(folder, local_files_only=True, output_loading_info=True, **options)
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise WrongWeights(f"{title} cannot be loaded: {reason}") from error
    missing = sorted(found["missing_keys"])
    if missing:
        raise WrongWeights("\n".join([f"{title} lacks {len(missing)} tensors.", *missing]))
    return model.float().eval().requires_grad_(False)


def fingerprint(folder: Path) -> str:
    """Identifies the weights in a folder by size and evenly spaced samples: whole files take seconds to read."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.iterdir() if path.suffix in files.SUFFIXES):
        size = path.stat().st_size
        digest.update(f"{path.name}:{size}".encode())
        with path.open("rb") as stream:
            for sample in range(SAMPLES):
                stream.seek(sample * max(size - SAMPLE, 0) // (SAMPLES - 1))
                digest.update(stream.read(SAMPLE))
    return digest.hexdigest()[:16]
