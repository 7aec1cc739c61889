"""The options of Ref-Diff, as a person sees them and as the engine uses them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from inference.engine import EngineOption, EngineSpec, Options
from inference.models.refdiff.scores import PAPER, RELEASED, Weights

LEVELS = "levels"
"""The source of proposals that needs no other engine: the attention map cut at 19 levels."""

PIECES = "pieces"
"""The source of proposals that takes what holds together in the attention map over many levels."""

SOURCES = ("sam", "lite")
"""Engines that propose regions, the published one first."""

OPTIONS = (
    EngineOption("mode", "Formulas", "code", ("code", "paper"), help="As in the released code, or as in the paper."),
    EngineOption(
        "proposals", "Proposals", "auto", ("auto", *SOURCES, PIECES, LEVELS),
        help="Who proposes regions; auto: SAM where it is installed, else Lite. Pieces, levels: the attention map "
        "alone, in connected pieces or cut as published.",
    ),
    EngineOption(
        "detail", "Detail", "full", ("full", "fast"),
        help="Full: 1024 pixels and two steps, as published. Fast: 512 pixels and one step.",
    ),
    EngineOption("root", "Word it is about", "", help="Empty: found by the rules."),
    EngineOption("directions", "Heed left, right, top, bottom", True),
    EngineOption("largest", "Largest proposals that count", 10, least=1, most=200),
    EngineOption(
        "smallest", "Smallest proposal, % of the image", 0.0, least=0, most=100,
        help="Published: 0 on RefCOCOg; 10000 pixels, 3.3 % of 640 x 480, on RefCOCO and RefCOCO+.",
    ),
    EngineOption("hard", "Weight of the crop", RELEASED.hard, least=0, most=1),
    EngineOption("soft", "Weight of the region in the image", RELEASED.soft, least=0, most=1),
    EngineOption("attention", "Weight of the attention map", RELEASED.attention, least=0, most=1),
)  # fmt: skip

SIZE_AND_STEPS = {"full": (1024, 2), "fast": (512, 1)}


@dataclass(frozen=True, slots=True)
class Settings:
    """The options of one run. ``size`` pixels of Stable Diffusion's input; ``smallest`` as a share in [0, 1]."""

    mode: str = "code"
    source: str = LEVELS
    size: int = 1024
    steps: int = 2
    root: str = ""
    directions: bool = True
    largest: int = 10
    smallest: float = 0.0
    weights: Weights = RELEASED

    @staticmethod
    def of(spec: EngineSpec, options: Options, is_installed: Callable[[str], bool]) -> Settings:
        """Checked. The released weights stand for the paper's in the paper's mode. Raises ``UnusableOption``."""
        o = spec.settled(options)
        source = str(o["proposals"])
        if source == "auto":
            source = next((name for name in SOURCES if is_installed(name)), LEVELS)
        size, steps = SIZE_AND_STEPS[str(o["detail"])]
        weights = Weights(float(o["hard"]), float(o["soft"]), float(o["attention"]))
        if o["mode"] == "paper" and weights == RELEASED:
            weights = PAPER
        return Settings(
            str(o["mode"]), source, size, steps, str(o["root"]), bool(o["directions"]), int(o["largest"]),
            float(o["smallest"]) / 100, weights,
        )  # fmt: skip
