"""ODISE's features: what Stable Diffusion sees in a crop, told an implicit caption, at eight places.

Section 3.2 of the paper, and of the released model the particulars: time step 0 with fixed noise, the mean of the
latent, the decoder on the clean latent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, cast

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from torch import Tensor, nn
from torch.nn import functional
from transformers import CLIPVisionModelWithProjection

STRIDES = (4, 8, 16, 32)
TAP_LEVELS = (0, 1, 3, 3, 2, 1, 1, 0)
"""Which of the strides each of the eight taps is brought to."""

CROP = 512
NOISE_SEED = 42
LATENT_SCALE = 0.18215
KEPT = 1 - 0.00085
"""The share of signal (alpha bar) at the first step of Stable Diffusion's schedule."""

LATENT_STRIDE = 8
CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_DEVIATION = (0.26862954, 0.26130258, 0.27577711)


class Gated(nn.Module):
    """A linear layer and a position table."""

    def __init__(self, width: int, length: int, out: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width, out)
        self.positional_embedding = nn.Parameter(torch.zeros(1, length, out))

    def forward(self, embedding: Tensor) -> Tensor:
        """(B, width) to (B, length, out)."""
        projected: Tensor = self.linear(embedding).unsqueeze(1) + self.positional_embedding
        return projected


class Captioner(nn.Module):
    """The implicit captioner: an image embedding becomes a caption and an offset of the time embedding.

    Both are gated by the tanh of learned numbers that start at 0, that is, at the empty caption.
    """

    def __init__(self, image_width: int, length: int, text_width: int, time_width: int) -> None:
        super().__init__()
        self.clip_project = Gated(image_width, length, text_width)
        self.time_embed_project = Gated(image_width, 1, time_width)
        self.alpha_cond = nn.Parameter(torch.zeros(1, length, text_width))
        self.alpha_cond_time_embed = nn.Parameter(torch.zeros(time_width))

    def forward(self, embedding: Tensor, empty: Tensor) -> tuple[Tensor, Tensor]:
        """CLIP embedding (B, D), not normalised, and the encoded empty text (1, length, text_width), to a caption
        (B, length, text_width) and a time offset (B, time_width)."""
        caption = empty + torch.tanh(self.alpha_cond) * self.clip_project(embedding)
        offset = torch.tanh(self.alpha_cond_time_embed) * self.time_embed_project(embedding)[:, 0]
        return caption, offset


class NormedConvolution(nn.Conv2d):
    """A convolution without bias, then a group norm."""

    def __init__(self, channels: int, out: int, kernel: int) -> None:
        super().__init__(channels, out, kernel, padding=kernel // 2, bias=False)
        self.norm = nn.GroupNorm(32, out)

    def forward(self, input: Tensor) -> Tensor:
        normed: Tensor = self.norm(super().forward(input))
        return normed


class Bottleneck(nn.Module):
    """Narrowing, a 3x3 convolution, widening, and a shortcut, which is a convolution where channels change."""

    def __init__(self, channels: int, narrow: int, out: int) -> None:
        super().__init__()
        self.conv1 = NormedConvolution(channels, narrow, 1)
        self.conv2 = NormedConvolution(narrow, narrow, 3)
        self.conv3 = NormedConvolution(narrow, out, 1)
        self.shortcut: nn.Module = NormedConvolution(channels, out, 1) if channels != out else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv3(functional.relu(self.conv2(functional.relu(self.conv1(x)))))
        return functional.relu(y + self.shortcut(x))


@dataclass(frozen=True, slots=True)
class CropFeatures:
    """Of one crop: its CLIP embedding (1, D), caption (1, length, C), time offset (1, T), and eight taps."""

    embedding: Tensor
    caption: Tensor
    offset: Tensor
    taps: tuple[Tensor, ...]


class _Enough(Exception):
    """The last tap has been read: the rest of the network need not run."""


class DiffusionFeatures(nn.Module):
    """The frozen networks, the captioner and the projections.

    ``empty`` float (1, length, C): Stable Diffusion's text encoder on the empty text. ``projections`` are named as in
    official files; ``crop`` is the side of the square that the networks see, pixels.
    """

    def __init__(
        self,
        unet: UNet2DConditionModel,
        vae: AutoencoderKL,
        clip: CLIPVisionModelWithProjection,
        captioner: Captioner,
        projections: nn.ModuleList,
        empty: Tensor,
        crop: int = CROP,
    ) -> None:
        super().__init__()
        # diffusers gives its modules no types.
        self.unet: Any = unet
        self.vae: Any = vae
        self.clip = clip
        self.captioner, self.projections = captioner, projections
        self.crop = crop
        latent = crop // LATENT_STRIDE
        self.register_buffer("empty", empty, persistent=False)
        self.register_buffer("noise", shared_noise(latent, cast(Any, vae).config["latent_channels"]), persistent=False)
        self.empty: Tensor
        self.noise: Tensor

    def forward(self, image: Tensor, each_crop: Callable[[], None] | None = None) -> list[Tensor]:
        """Maps (1, C, H/s, W/s) of the strides 4, 8, 16, 32 from float (1, 3, H, W) in 0..1, sides multiples of 64.

        Overlapping crops are averaged. ``each_crop`` is called before each, and may raise to stop.
        """
        height, width = image.shape[-2:]
        side = min(self.crop, height, width)
        sums: list[Tensor] = []
        counts = image.new_zeros(1, 1, height // STRIDES[0], width // STRIDES[0])
        for top, left in crop_corners(height, width, side):
            if each_crop is not None:
                each_crop()
            seen = self.see(image[..., top : top + side, left : left + side])
            levels = self.project(seen.taps, side)
            if not sums:
                sums = [
                    level.new_zeros(1, level.shape[1], height // s, width // s) for level, s in _with_strides(levels)
                ]
            for total, (level, s) in zip(sums, _with_strides(levels), strict=True):
                total[..., top // s : (top + side) // s, left // s : (left + side) // s] += level
            s = STRIDES[0]
            counts[..., top // s : (top + side) // s, left // s : (left + side) // s] += 1
        # Corners are multiples of 64, so the counts at a coarser stride are those of every n-th pixel.
        return [total / counts[..., :: s // STRIDES[0], :: s // STRIDES[0]] for total, s in _with_strides(sums)]

    def see(self, crop: Tensor) -> CropFeatures:
        """The eight taps of a square crop float (1, 3, side, side) in 0..1."""
        if crop.shape[-1] != self.crop:
            crop = functional.interpolate(crop, size=(self.crop, self.crop), mode="bicubic", align_corners=False)
        pixels = clip_pixels(crop, cast(int, self.clip.config.image_size), "bicubic")
        embedding = self.clip(pixel_values=pixels.to(self.clip.dtype)).image_embeds.float()
        caption, offset = self.captioner(embedding, self.empty)
        return CropFeatures(embedding, caption, offset, tuple(self._taps(crop, caption, offset)))

    def project(self, taps: tuple[Tensor, ...], side: int) -> list[Tensor]:
        """One map per stride from the taps of a crop: each resized (nearest), projected, and added to its level."""
        levels: list[Tensor | None] = [None] * len(STRIDES)
        for tap, level, projection in zip(taps, TAP_LEVELS, self.projections, strict=True):
            size = side // STRIDES[level]
            projected = projection(functional.interpolate(tap.float(), size=(size, size), mode="nearest"))
            before = levels[level]
            levels[level] = projected if before is None else before + projected
        return [level for level in levels if level is not None]

    def _taps(self, crop: Tensor, caption: Tensor, offset: Tensor) -> list[Tensor]:
        encoder, decoder, up = self.vae.encoder.down_blocks, self.vae.decoder.up_blocks, self.unet.up_blocks
        with _inputs_of(encoder[2].resnets[1], encoder[3].resnets[1]) as from_encoder:
            latent = LATENT_SCALE * self.vae.encode(((crop - 0.5) / 0.5).to(self.vae.dtype)).latent_dist.mean
        noisy = (KEPT**0.5 * latent + (1 - KEPT) ** 0.5 * self.noise.to(latent)).to(self.unet.dtype)
        blocks = [block.resnets[2] for block in up]
        hook = self.unet.time_embedding.register_forward_hook(lambda _module, _args, output: output + offset.to(output))
        try:
            with _inputs_of(*blocks, stop=True) as from_unet, suppress(_Enough):
                self.unet(noisy, 0, encoder_hidden_states=caption.to(noisy))
        finally:
            hook.remove()
        with _inputs_of(decoder[0].resnets[2], decoder[1].resnets[2], stop=True) as from_decoder, suppress(_Enough):
            self.vae.decode(latent / LATENT_SCALE)
        return [*from_encoder, *from_unet, *from_decoder]


def shared_noise(side: int, channels: int = 4) -> Tensor:
    """The noise that all crops of all images share: float (1, channels, side, side). It is in no file."""
    return torch.randn(1, channels, side, side, generator=torch.Generator().manual_seed(NOISE_SEED))


def clip_pixels(image: Tensor, size: int, mode: str) -> Tensor:
    """An image (1, 3, H, W) in 0..1 as CLIP's input (1, 3, size, size): without antialiasing, as officially."""
    mean, deviation = (image.new_tensor(each).view(1, 3, 1, 1) for each in (CLIP_MEAN, CLIP_DEVIATION))
    resized = functional.interpolate(image, size=(size, size), mode=mode, align_corners=False)
    return (resized - mean) / deviation


def crop_corners(height: int, width: int, side: int) -> Iterator[tuple[int, int]]:
    """Top left corners of squares that cover the image, row by row; the last of a row or column ends at the edge."""
    for row in range(-(-height // side)):
        for column in range(-(-width // side)):
            yield min(row * side, height - side), min(column * side, width - side)


def _with_strides(levels: list[Tensor]) -> Iterator[tuple[Tensor, int]]:
    return zip(levels, STRIDES, strict=True)


@contextmanager
def _inputs_of(*modules: nn.Module, stop: bool = False) -> Iterator[list[Tensor]]:
    """Collects the first input of each module, in order; ``stop`` leaves the network once all have been reached."""
    found: list[Tensor] = []

    def read(module: nn.Module, inputs: tuple[Any, ...]) -> None:
        found.append(inputs[0])
        if stop and len(found) == len(modules):
            raise _Enough

    hooks = [module.register_forward_pre_hook(read) for module in modules]
    try:
        yield found
    finally:
        for hook in hooks:
            hook.remove()
