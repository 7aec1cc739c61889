"""Cross-attention of Stable Diffusion to the words of a text, recorded in five layers at two steps (refdiff.md §2).

The layers are those whose maps have a quarter of the latent's side. Recorded are, averaged over the heads, the scaled
products of queries and keys before the softmax (what the released code uses) and after it (what the paper says).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from inference.models.diffusion.stable import StableDiffusion

LAYERS = (
    "down_blocks.2.attentions.0",
    "down_blocks.2.attentions.1",
    "up_blocks.1.attentions.0",
    "up_blocks.1.attentions.1",
    "up_blocks.1.attentions.2",
)
PROCESSORS = tuple(f"{layer}.transformer_blocks.0.attn2.processor" for layer in LAYERS)
GUIDANCE = 9.0
DDIM_STEPS = 20
NOISED_AT = 2
"""Index of the DDIM step whose noise is added; the denoising then starts one index lower, as in the released code."""


@dataclass(slots=True)
class Recorder:
    """Stands in for the processor of one layer; the answer stays that of the plain processor."""

    plain: Any
    logits: list[Tensor] = field(default_factory=list)
    shares: list[Tensor] = field(default_factory=list)

    def __call__(
        self, attn: Any, hidden_states: Tensor, encoder_hidden_states: Tensor | None = None, **others: Any
    ) -> Tensor:
        assert encoder_hidden_states is not None
        q = _heads(attn.to_q(hidden_states), attn.heads).float()
        k = _heads(attn.to_k(encoder_hidden_states), attn.heads).float()
        products = q @ k.transpose(-1, -2) * attn.scale
        self.logits.append(products.mean(1))
        self.shares.append(products.softmax(-1).mean(1))
        answer: Tensor = self.plain(attn, hidden_states, encoder_hidden_states, **others)
        return answer


def _heads(x: Tensor, heads: int) -> Tensor:
    """(B, N, heads * width) to (B, heads, N, width)."""
    batch, length, _ = x.shape
    return x.reshape(batch, length, heads, -1).transpose(1, 2)


def recorders_of(unet: Any) -> list[Recorder]:
    """Recorders for the five layers, in forward order."""
    return [Recorder(unet.attn_processors[name]) for name in PROCESSORS]


@contextmanager
def recording(unet: Any, recorders: list[Recorder]) -> Iterator[None]:
    """The recorders stand in the layers while the context lasts: one call, for other engines may use the UNet too."""
    before = unet.attn_processors
    unet.set_attn_processor({**before, **dict(zip(PROCESSORS, recorders, strict=True))})
    try:
        yield
    finally:
        unet.set_attn_processor(before)


@dataclass(frozen=True, slots=True)
class Ddim:
    """``steps`` int64 (20,) from clean to noisy; shares of signal at them and one step cleaner, float32 (20,)."""

    steps: Tensor
    signal: Tensor
    cleaner: Tensor

    @staticmethod
    def of(alphas_cumprod: Tensor) -> Ddim:
        stride = len(alphas_cumprod) // DDIM_STEPS
        steps = torch.arange(0, len(alphas_cumprod), stride)[:DDIM_STEPS] + 1
        signal = alphas_cumprod[steps]
        return Ddim(steps, signal, torch.cat([alphas_cumprod[:1], signal[:-1]]))

    def noised(self, latent: Tensor, noise: Tensor, index: int) -> Tensor:
        kept = self.signal[index].to(latent)
        return kept.sqrt() * latent + (1 - kept).sqrt() * noise

    def cleaned(self, x: Tensor, noise: Tensor, index: int) -> Tensor:
        """One deterministic step (eta 0) from ``index`` to the cleaner one, for the noise that was predicted."""
        kept, target = self.signal[index].to(x), self.cleaner[index].to(x)
        clean = (x - (1 - kept).sqrt() * noise) / kept.sqrt()
        return target.sqrt() * clean + (1 - target).sqrt() * noise


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """One call of the UNet: input and predictions, float32 (n, 4, h, w); n = 1 for inputs that all texts share."""

    time: int
    x: Tensor
    unconditional: Tensor
    conditional: Tensor


@dataclass(frozen=True, slots=True, eq=False)
class WordMaps:
    """What was recorded for one text, float32 (maps, side², 77): ``logits`` after guidance, ``shares`` of the text."""

    logits: Tensor
    shares: Tensor

    @property
    def nbytes(self) -> int:
        return 4 * (self.logits.numel() + self.shares.numel())


class _Enough(Exception):
    """All layers have been recorded; the rest of the forward is not needed."""


def word_maps(
    diffusion: StableDiffusion,
    latent: Tensor,
    noise: Tensor,
    empty: Tensor,
    texts: Tensor,
    steps: int = NOISED_AT,
    before_call: Callable[[int], None] = lambda call: None,
    watch: Callable[[Step], None] | None = None,
) -> list[WordMaps]:
    """Maps of several texts (n, 77, D) at once; ``latent`` and ``noise`` (1, 4, h, w), ``empty`` (1, 77, D).

    ``steps`` calls of the UNet, at times 51 and 1 (or 1 alone), whatever the number of texts. ``watch`` sees each call
    with its predictions; without it the last call ends after the last recorded layer. ``before_call`` gets 0, 1.
    """
    ddim = Ddim.of(diffusion.alphas_cumprod)
    count = len(texts)
    x = ddim.noised(latent, noise, steps)
    recorders = recorders_of(diffusion.unet)
    for call in range(steps):
        before_call(call)
        index = steps - 1 - call
        time = int(ddim.steps[index])
        shared = len(x) == 1
        inputs = x.expand(1 + count, -1, -1, -1) if shared else torch.cat([x, x])
        given = torch.cat([empty.expand(1 if shared else count, -1, -1), texts])
        with torch.no_grad(), recording(diffusion.unet, recorders):
            if index == 0 and watch is None:
                with _ending_after(diffusion.unet.up_blocks[1]), suppress(_Enough):
                    diffusion.predict(inputs, time, given)
                break
            predicted = diffusion.predict(inputs, time, given)
        unconditional, conditional = predicted[:-count], predicted[-count:]
        if watch is not None:
            watch(Step(time, x, unconditional, conditional))
        x = ddim.cleaned(x, unconditional + GUIDANCE * (conditional - unconditional), index)
    calls = range(steps)
    logits = [_guided(recorder.logits[call], count) for call in calls for recorder in recorders]
    shares = [recorder.shares[call][-count:] for call in calls for recorder in recorders]
    return [WordMaps(a, b) for a, b in zip(torch.stack(logits, 1), torch.stack(shares, 1), strict=True)]


def _guided(logits: Tensor, count: int) -> Tensor:
    """(rest + n, N, 77) to (n, N, 77): recorded logits, combined as the predictions are."""
    unconditional, conditional = logits[:-count], logits[-count:]
    return GUIDANCE * (conditional - unconditional) + unconditional


@contextmanager
def _ending_after(block: Any) -> Iterator[None]:
    def stop(*_: object) -> None:
        raise _Enough

    handle = block.register_forward_hook(stop)
    try:
        yield
    finally:
        handle.remove()
