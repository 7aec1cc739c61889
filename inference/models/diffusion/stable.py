"""The frozen parts of Stable Diffusion 1.x: VAE, UNet, text encoder, tokenizer and noise schedule."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import torch
from torch import Tensor

from inference.engine import WrongWeights

EMPTY = ""


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class StableDiffusion:
    """``alphas_cumprod`` float32 (1000,) on the CPU. The VAE is float32, the UNet and the texts may be half."""

    vae: Any
    unet: Any
    text_encoder: Any
    tokenizer: Any
    alphas_cumprod: Tensor

    @property
    def device(self) -> torch.device:
        device: torch.device = self.unet.device
        return device

    @property
    def context(self) -> int:
        """Tokens per text, start and end included (77)."""
        return int(self.text_encoder.config.max_position_embeddings)

    @property
    def latent_stride(self) -> int:
        """Pixels per latent cell (8)."""
        return int(2 ** (len(self.vae.config.block_out_channels) - 1))

    @torch.no_grad()
    def embed(self, texts: list[str]) -> Tensor:
        """Embeddings (n, 77, D), after the final norm and without an attention mask; what is too long is cut off."""
        ids = tokens(self.tokenizer, texts, self.context).to(self.device)
        embedded: Tensor = self.text_encoder(ids).last_hidden_state
        return embedded

    def posterior(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and deviation (n, 4, h, w) of the unscaled latent of pictures float (n, 3, H, W) in [-1, 1]."""
        found = self.vae.encode(pictures.to(self.vae.dtype)).latent_dist
        return found.mean.float(), found.std.float()

    def predict(self, latents: Tensor, step: int, embeddings: Tensor) -> Tensor:
        """The UNet's noise float32 (n, 4, h, w) for latents at a diffusion time step."""
        kind = self.unet.dtype
        noise: Tensor = self.unet(latents.to(kind), step, encoder_hidden_states=embeddings.to(kind)).sample
        return noise.float()


def tokens(tokenizer: Any, texts: list[str], context: int) -> Tensor:
    """Token ids int64 (n, context), padded with the end token, cut off where too long."""
    found = tokenizer(texts, padding="max_length", truncation=True, max_length=context, return_tensors="pt")
    ids: Tensor = found.input_ids
    return ids


def surplus(tokenizer: Any, text: str, context: int) -> int:
    """How many tokens of a text do not fit."""
    return max(0, len(tokenizer(text, truncation=False, verbose=False).input_ids) - context)


def schedule(folder: Path) -> Tensor:
    """Share of signal (alpha bar), float32 (1000,), of the scheduler's settings in a Stable Diffusion folder."""
    with (folder / "scheduler" / "scheduler_config.json").open(encoding="utf-8") as stream:
        read = json.load(stream)
    return scaled_linear(int(read["num_train_timesteps"]), float(read["beta_start"]), float(read["beta_end"]))


def scaled_linear(steps: int = 1000, first: float = 0.00085, last: float = 0.012) -> Tensor:
    """Alpha bar, float32 (steps,): the betas grow as the square of a line."""
    betas = torch.linspace(first**0.5, last**0.5, steps, dtype=torch.float32) ** 2
    return torch.cumprod(1 - betas, 0)


_loaded: WeakValueDictionary[tuple[Path, str, torch.dtype], StableDiffusion] = WeakValueDictionary()


def load(folder: Path, device: torch.device, dtype: torch.dtype) -> StableDiffusion:
    """A folder in the layout of diffusers, loaded once for all engines that hold it at the same time.

    Raises :class:`WrongWeights` naming the part that does not load.
    """
    key = (folder.resolve(), str(device), dtype)
    known = _loaded.get(key)
    if known is None:
        known = _loaded[key] = _read(folder, device, dtype)
    return known


def _read(folder: Path, device: torch.device, dtype: torch.dtype) -> StableDiffusion:
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPTextModel, CLIPTokenizer

    def part(type_: Any, name: str, kind: torch.dtype) -> Any:
        try:
            with quietly():
                model = type_.from_pretrained(folder / name, torch_dtype=kind, local_files_only=True)
        except Exception as problem:  # each library has its own errors for damaged files
            raise WrongWeights(f"{folder.name}/{name} cannot be loaded: {first_line(problem)}") from problem
        return model.requires_grad_(False).eval().to(device)

    try:
        tokenizer = CLIPTokenizer.from_pretrained(folder / "tokenizer", local_files_only=True)
    except Exception as problem:
        raise WrongWeights(f"{folder.name}/tokenizer cannot be loaded: {first_line(problem)}") from problem
    return StableDiffusion(
        part(AutoencoderKL, "vae", torch.float32),
        part(UNet2DConditionModel, "unet", dtype),
        part(CLIPTextModel, "text_encoder", dtype),
        tokenizer,
        schedule(folder),
    )


@contextmanager
def quietly() -> Iterator[None]:
    """Without the loaders' progress bars and reports: what matters of them comes as an error."""
    from diffusers.utils import logging as diffusers_log
    from transformers.utils import logging as transformers_log

    before = [(log, log.get_verbosity()) for log in (transformers_log, diffusers_log)]
    bars = transformers_log.is_progress_bar_enabled()
    try:
        for log, _ in before:
            log.set_verbosity_error()
            log.disable_progress_bar()
        yield
    finally:
        for log, verbosity in before:
            log.set_verbosity(verbosity)
            if bars:
                log.enable_progress_bar()


def first_line(problem: BaseException) -> str:
    """The first line of an error's text, as the end of a sentence."""
    text = next((line.strip() for line in str(problem).splitlines() if line.strip()), type(problem).__name__)
    return text if text.endswith(".") else f"{text}."
