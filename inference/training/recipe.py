"""The training loop of ``lite``: batches of lessons, rounds of corrections, validation, checkpoints."""

from __future__ import annotations

import csv
import hashlib
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from inference.models.lite.decoder import Prompting
from inference.models.lite.model import LiteModel
from inference.models.lite.neck import Context
from inference.training.curves import draw_curves
from inference.training.data import IGNORED, Sampler, TrainingImage
from inference.training.imagenet import imagenet_backbone
from inference.training.losses import hard_iou, total_loss
from inference.training.simulate import Lesson
from inference.training.views import View, augmented, draw_view

LEARNING_RATE = 1.2e-3
BACKBONE_FACTOR = 0.1
"""The pretrained backbone learns so much slower than the new parts, once it is released."""

TUNED_FROM_BLOCK = 3
"""Its first block that learns then. The earlier ones, edges and textures, would cost as much as all others."""

WEIGHT_DECAY = 1e-3
BATCH = 8
WARM_UP_STEPS = 100
AVERAGE_DECAY = 0.998
LEARNED_ROUNDS = 3
"""Rounds of a batch that give gradients; the neck's work is shared by them."""

LATE_SHARE = 0.45
"""How often these are late rounds: two to eight others come before the second of them."""

VALIDATE_EVERY = 400
VALIDATION_LESSONS = 96
VALIDATION_ROUNDS = 6
FIELDS = ("step", "minutes", "loss", "iou_first", "iou_last", "val_first", "val_third", "val_last", "rate")


@dataclass(frozen=True, slots=True)
class Budget:
    """When training ends: after ``steps`` steps, or, when that is None, after ``minutes`` of work.

    Only a budget in steps makes the learning rates, and so the weights, independent of the machine's speed.
    """

    minutes: float
    steps: int | None

    def fraction(self, step: int, minutes: float) -> float:
        """How much of the budget is used, 1 at the end."""
        return step / self.steps if self.steps else minutes / self.minutes


class Training:
    """Everything that a run carries from step to step; saved to and restored from one checkpoint file."""

    def __init__(
        self,
        images: list[TrainingImage],
        out: Path,
        seed: int,
        budget: Budget,
        tune_from: float,
        rate: float = LEARNING_RATE,
    ) -> None:
        torch.manual_seed(seed)
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.out, self.budget, self.seed, self.tune_from, self.rate = out, budget, seed, tune_from, rate
        self.started_from = ""
        model = LiteModel(imagenet_backbone()).to(self.device)
        self.model: LiteModel = model.to(memory_format=torch.channels_last)
        self.sampler = Sampler([i for i in images if not i.is_validation], seed)
        self.validation = validation_views([i for i in images if i.is_validation], seed)
        new = [*self.model.neck.parameters(), *self.model.decoder.parameters()]
        old = [*self.model.backbone.blocks[TUNED_FROM_BLOCK:].parameters()]
        self.optimiser = torch.optim.AdamW(
            [{"params": new, "factor": 1.0}, {"params": old, "factor": BACKBONE_FACTOR}], weight_decay=WEIGHT_DECAY
        )
        self.average = {name: value.detach().clone() for name, value in self.model.state_dict().items()}
        self.step = 0
        self.spent = 0.0
        self.recent: list[tuple[float, float, float]] = []

    def save(self) -> None:
        """Write the checkpoint; the old one stays until the new one is whole."""
        state = {
            "model": self.model.state_dict(),
            "average": self.average,
            "optimiser": self.optimiser.state_dict(),
            "random": self.sampler.random.bit_generator.state,
            "counters": {"step": self.step, "spent": self.spent, "seed": self.seed},
            "started_from": self.started_from,
        }
        partial = self.out / "checkpoint.partial"
        torch.save(state, partial)
        partial.replace(self.out / "checkpoint.pt")

    def restore(self) -> None:
        """Go on from the checkpoint in the output folder."""
        state = torch.load(self.out / "checkpoint.pt", map_location=self.device, weights_only=True)
        self.model.load_state_dict(state["model"])
        self.average = state["average"]
        self.optimiser.load_state_dict(state["optimiser"])
        self.sampler.random.bit_generator.state = state["random"]
        self.step, self.spent = state["counters"]["step"], state["counters"]["spent"]
        self.started_from = state.get("started_from", "")

    def start_from(self, checkpoint: Path) -> None:
        """Begin with the averaged weights of an earlier run's checkpoint: a new schedule on what was learned."""
        average = torch.load(checkpoint, map_location=self.device, weights_only=True)["average"]
        self.model.load_state_dict(average)
        self.average = {name: value.detach().clone() for name, value in average.items()}
        self.started_from = hashlib.sha256(checkpoint.read_bytes()).hexdigest()[:16]

    def averaged_model(self) -> LiteModel:
        """A copy with the running average of the weights, ready for use but with its normalisations unfolded."""
        model = LiteModel()
        model.load_state_dict(self.average)
        return model.to(self.device).to(memory_format=torch.channels_last).eval()

    def run(self, progress: Callable[[float, str], None]) -> None:
        """Train until the budget is spent, with a validation and a checkpoint every so often."""
        started = time.monotonic() - self.spent
        while (used := self.budget.fraction(self.step, (time.monotonic() - started) / 60)) < 1:
            self.advance(used)
            self.spent = time.monotonic() - started
            progress(used, f"step {self.step}  loss {self.recent[-1][0]:.3f}  IoU {self.recent[-1][2]:.2f}")
            if self.step % VALIDATE_EVERY == 0:
                self._log()
        if self.recent:
            self._log()

    def advance(self, used: float) -> None:
        """One step; ``used`` is the part of the budget that is spent, which decides the learning rates."""
        self._set_rates(used)
        self.recent.append(self._learn())
        self.step += 1

    def _set_rates(self, used: float) -> None:
        warm = min(1.0, (self.step + 1) / WARM_UP_STEPS)
        rate = self.rate * warm * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(used, 1.0))))
        for group in self.optimiser.param_groups:
            group["lr"] = rate * group["factor"]
        for parameter in self.optimiser.param_groups[1]["params"]:
            parameter.requires_grad_(used >= self.tune_from)

    def _learn(self) -> tuple[float, float, float]:
        """One batch. Returns its loss and the mean IoU of the first and the last round."""
        random = self.sampler.random
        views = [self._view() for _ in range(BATCH)]
        lessons = [Lesson.of(view, random) for view in views]
        skipped = int(random.integers(2, 9)) if random.random() < LATE_SHARE else 0
        self.model.train()
        pixels, target, known = stacked(views, self.device)
        ious = []
        total = torch.zeros((), device=self.device)
        with torch.autocast(self.device.type, torch.bfloat16):
            context = self.model.look(pixels)
            detached = Context(*(t.detach() for t in context))
            for round_ in range(skipped + LEARNED_ROUNDS):
                learns = round_ == 0 or round_ > skipped
                with torch.set_grad_enabled(learns):
                    prediction = self.model.answer(context if learns else detached, prompting_of(lessons, self.device))
                masks = prediction.masks.float()
                if learns:
                    total = total + total_loss(masks, prediction.quality, target, known, ambiguous=round_ == 0)
                ious.append(float(hard_iou(masks[:, :1].detach(), target, known).mean()))
                for lesson, probability in zip(lessons, probabilities(masks), strict=True):
                    lesson.correct(probability)
        self.optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(total / LEARNED_ROUNDS)
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 3.0)
        self.optimiser.step()
        decay = min(AVERAGE_DECAY, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for name, value in self.model.state_dict().items():
                if value.is_floating_point():
                    self.average[name].lerp_(value, 1 - decay)
        return float(total.detach()) / LEARNED_ROUNDS, ious[0], ious[-1]

    def _view(self) -> View:
        while True:
            image, values = self.sampler.draw()
            view = draw_view(image.pixels(), image.labels(), values, IGNORED, self.sampler.random)
            if view is not None:
                return augmented(view, self.sampler.random)

    def _log(self) -> None:
        recent = np.array(self.recent or [(math.nan,) * 3]).mean(0)
        curve = validate(self.averaged_model(), self.validation, self.device)
        row = (self.step, self.spent / 60, *recent, curve[0], curve[2], curve[-1], self.optimiser.param_groups[0]["lr"])
        path = self.out / "log.csv"
        fresh = not path.exists()
        with path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            if fresh:
                writer.writerow(FIELDS)
            writer.writerow([row[0], *(f"{value:.5f}" for value in row[1:])])
        draw_curves(path, self.out / "curves.png")
        self.recent = []
        self.save()


def stacked(views: list[View], device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Pixels (B, 3, VIEW, VIEW), target and known (B, 1, TARGET, TARGET) of a batch."""
    pixels = torch.from_numpy(np.stack([v.pixels for v in views])).to(device).permute(0, 3, 1, 2)
    target = torch.from_numpy(np.stack([v.target for v in views])[:, None]).to(device)
    known = torch.from_numpy(np.stack([v.known for v in views])[:, None]).to(device)
    return pixels, target, known


def prompting_of(lessons: list[Lesson], device: torch.device) -> Prompting:
    """The prompts of a batch of lessons."""
    maps = torch.from_numpy(np.stack([lesson.canvas.maps() for lesson in lessons]))
    seeds = torch.from_numpy(np.stack([lesson.canvas.seed_array() for lesson in lessons]))
    return Prompting(maps.to(device), seeds.to(device))


def probabilities(masks: Tensor) -> NDArray[np.float32]:
    """The first candidate of each of a batch: float32 (B, h, w) in [0, 1]."""
    array: NDArray[np.float32] = masks[:, 0].detach().float().sigmoid().cpu().numpy()
    return array


def validation_views(images: list[TrainingImage], seed: int) -> list[View]:
    """A fixed set of views of objects that are never trained on."""
    if not images:
        return []
    sampler = Sampler(images, seed + 1)
    views: list[View] = []
    while len(views) < VALIDATION_LESSONS:
        image, values = sampler.draw()
        view = draw_view(image.pixels(), image.labels(), values, IGNORED, sampler.random, parts=False)
        if view is not None:
            views.append(view)
    return views


def validate(model: LiteModel, views: list[View], device: torch.device) -> list[float]:
    """Mean IoU after 1, 2, … clicks on the views, simulated with a fixed seed."""
    if not views:
        return [math.nan] * VALIDATION_ROUNDS
    curve = np.zeros(VALIDATION_ROUNDS)
    random = np.random.default_rng(0)
    with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16):
        for start in range(0, len(views), BATCH):
            batch = views[start : start + BATCH]
            lessons = [Lesson.of(view, random, "click") for view in batch]
            pixels, target, known = stacked(batch, device)
            context = model.look(pixels)
            for round_ in range(VALIDATION_ROUNDS):
                masks = model.answer(context, prompting_of(lessons, device)).masks.float()
                curve[round_] += float(hard_iou(masks[:, :1], target, known).sum())
                for lesson, probability in zip(lessons, probabilities(masks), strict=True):
                    lesson.correct(probability)
    return [float(value) for value in curve / len(views)]


def settings(training: Training) -> dict[str, object]:
    """What the model card needs to say about a run."""
    return {
        "seed": training.seed,
        "steps": training.step,
        "minutes": round(training.spent / 60, 1),
        "budget": asdict(training.budget),
        "tune_from": training.tune_from,
        "batch": BATCH,
        "learning_rate": training.rate,
        "started_from": training.started_from,
        "device": training.device.type,
    }
