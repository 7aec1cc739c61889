"""The search for alpha: one published step after the other, from any start, until it has settled (peekaboo.md §3, §8).

A step is published as: for every background and caption the dream's gradient, summed; gravity; gradient descent. Alpha
is computed once per step here: within a step its parameters do not change, so the sum of gradients is the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from inference.engine import Cancelled, Preview, Report, silent
from inference.models.diffusion.stable import StableDiffusion
from inference.models.peekaboo.alpha import FourierAlpha, RasterAlpha
from inference.models.peekaboo.bilateral import BilateralFilter
from inference.models.peekaboo.dream import composite, dream, gravity, intersection
from inference.models.peekaboo.marks import Marks
from inference.models.peekaboo.presets import Preset
from inference.prompts import MaskArray

PUBLISHED_SIDE = 256
LOW, HIGH = 0.05, 0.95
"""Alpha of a start: nothing is certain yet."""

FITTING_STEPS, FITTING_RATE = 100, 5e-3
LOOK_EVERY, ALIKE, IN_A_ROW, EARLIEST = 10, 0.98, 3, 60
VANISHED, EVERYWHERE = 0.005, 0.95
"""Mean alpha below which gravity has won, and above which nothing was found."""

Show = Callable[[Tensor], Preview | None]
"""Makes a preview of alpha (k, s, s), or None when it is not yet time for the next."""


def nothing_shown(alphas: Tensor) -> None:
    """No preview."""


@dataclass(slots=True, eq=False)
class Steadiness:
    """Whether the masks of the last looks are alike."""

    last: MaskArray | None = None
    alike: int = 0

    def look(self, masks: MaskArray) -> bool:
        """Take masks bool (k, h, w) in; True when they have been alike three times in a row."""
        if self.last is not None:
            union = np.count_nonzero(masks | self.last)
            same = np.count_nonzero(masks & self.last) / union if union else 1.0
            self.alike = self.alike + 1 if same > ALIKE else 0
        self.last = masks
        return self.alike >= IN_A_ROW


@dataclass(slots=True, eq=False)
class Search:
    """A run that can be interrupted between steps and goes on as if it had not been.

    ``image`` float (3, s, s) in [0, 1]; ``embeddings`` one (2, 77, D) per caption, unconditional first; what is certain
    holds for the first caption. ``start`` float (k, s, s) in [0, 1] or None.
    """

    diffusion: StableDiffusion
    preset: Preset
    image: Tensor
    embeddings: list[Tensor]
    marks: Marks
    seed: int
    start: Tensor | None = None
    alpha: FourierAlpha | RasterAlpha = field(init=False)
    optimiser: torch.optim.Optimizer = field(init=False)
    fitter: torch.optim.Optimizer = field(init=False)
    generator: torch.Generator = field(init=False)
    done: int = 0
    fitted: int = 0
    ended: str = ""
    """Why there will be no more steps, as a sentence; empty while there will be."""

    steadiness: Steadiness = field(default_factory=Steadiness)

    def __post_init__(self) -> None:
        preset, side = self.preset, self.image.shape[-1]
        smooth = BilateralFilter(self.image, tolerance=preset.tolerance) if preset.is_filtered else None
        self.generator = torch.Generator().manual_seed(self.seed)
        count = len(self.embeddings)
        if preset.is_raster:
            logits = self._random(count, side, side)
            if self.start is not None:
                logits = torch.logit(self.start.clamp(LOW, HIGH)).to(self.image.device)
            self.alpha = RasterAlpha(logits, smooth)
        else:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(self.seed)
                self.alpha = FourierAlpha(count, side, side, smooth).to(self.image.device)
        self.optimiser = torch.optim.SGD(self.alpha.parameters(), lr=preset.learning_rate)
        self.fitter = torch.optim.Adam(self.alpha.parameters(), lr=FITTING_RATE)

    def run(self, report: Report, show: Show) -> None:
        """Step until the end. Stops where ``report`` raises; running again goes on there."""
        self._fit_to_start(report)
        while not self.ended:
            self.step(report, show)

    def step(self, report: Report = silent, show: Show = nothing_shown) -> None:
        """One iteration. When ``report`` raises, everything is as it was before the step."""
        before = self.generator.get_state()
        try:
            self._accumulate(report, show)
        except Cancelled:
            self.generator.set_state(before)
            self.optimiser.zero_grad()
            raise
        self.optimiser.step()
        self.optimiser.zero_grad()
        self.done += 1
        self._consider_ending()

    @torch.no_grad()
    def alphas(self) -> Tensor:
        """Alpha (k, s, s) in [0, 1] as it is now, with what is certain put in."""
        return self._with_certain(self.alpha())

    def _accumulate(self, report: Report, show: Show) -> None:
        """Gradients of one iteration."""
        preset, total = self.preset, self.preset.iterations
        message = f"Iteration {self.done + 1} of {total}"
        everywhere = self.alpha()
        leaf = everywhere.detach().requires_grad_()
        report(self.done / total, message, show(self._with_certain(leaf.detach())))
        for _ in range(preset.backgrounds):
            colour = torch.rand(3, generator=self.generator).to(self.image)
            for caption in range(len(self.embeddings)):
                self._dream_of(leaf, caption, colour, lambda: report(self.done / total, message))
        torch.autograd.backward(self._pull(leaf))
        torch.autograd.backward(everywhere, leaf.grad)

    def _dream_of(self, leaf: Tensor, caption: int, colour: Tensor, pause: Callable[[], None]) -> None:
        """Add the gradient of one dream to that of ``leaf``; its graph, the largest thing there is, ends here."""
        preset = self.preset
        cells = preset.picture_size // self.diffusion.latent_stride
        time = int(torch.randint(preset.first_time, preset.last_time + 1, (), generator=self.generator))
        noise, eta = self._random(1, 4, cells, cells), self._random(1, 4, cells, cells)
        picture = composite(self._with_certain(leaf)[caption], self.image, colour)
        found = dream(self.diffusion, picture, self.embeddings[caption], time, noise, eta, preset.guidance)
        pause()
        torch.autograd.backward(found.loss)
        pause()

    def _pull(self, leaf: Tensor) -> Tensor:
        """Gravity, what keeps captions apart, and what strokes say, which the filter spreads."""
        scale = (PUBLISHED_SIDE / leaf.shape[-1]) ** 2
        pull = gravity(leaf, self.preset.gravity * scale)
        if self.preset.intersection:
            pull = pull + intersection(leaf, self.preset.intersection * scale)
        if self.marks.any_certain:
            inside, outside = self._certain()
            object_ = leaf[0].clamp(1e-4, 1 - 1e-4)
            pull = pull - object_[inside].log().sum() - (1 - object_[outside]).log().sum()
        return pull

    def _with_certain(self, alphas: Tensor) -> Tensor:
        if not self.marks.any_certain:
            return alphas
        inside, outside = self._certain()
        first = alphas[0].masked_fill(inside, 1.0).masked_fill(outside, 0.0)
        return torch.cat([first[None], alphas[1:]])

    def _certain(self) -> tuple[Tensor, Tensor]:
        device = self.image.device
        return torch.from_numpy(self.marks.inside).to(device), torch.from_numpy(self.marks.outside).to(device)

    def _fit_to_start(self, report: Report) -> None:
        """Bring the network to the start, without the diffusion model; a raster begins there."""
        if self.start is None or self.preset.is_raster:
            return
        target = self.start.clamp(LOW, HIGH).to(self.image)
        while self.fitted < FITTING_STEPS:
            report(None, "Learning the mask to start from")
            self.fitter.zero_grad()
            torch.autograd.backward((self.alpha() - target).square().mean())
            self.fitter.step()
            self.fitted += 1
        self.fitter.zero_grad()

    def _consider_ending(self) -> None:
        if self.done >= self.preset.iterations:
            self.ended = f"{self.done} iterations."
        if self.done % LOOK_EVERY:
            return
        alphas = self.alphas()
        mean = float(alphas[0].mean())
        earliest = EARLIEST if self.start is None else EARLIEST // 2
        if mean < VANISHED:
            self.ended = f"The mask vanished after {self.done} iterations: less gravity may help."
        elif mean > EVERYWHERE and not self.marks.any_certain:
            self.ended = f"The mask covers everything after {self.done} iterations: more gravity may help."
        elif self.steadiness.look((alphas > 0.5).cpu().numpy()) and self.preset.settles and self.done >= earliest:
            self.ended = f"Settled after {self.done} iterations."

    def _random(self, *shape: int) -> Tensor:
        return torch.randn(shape, generator=self.generator).to(self.image.device)
