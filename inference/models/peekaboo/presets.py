"""Named settings of a run: the published code's, the second paper's, and a faster one of ours; and the options."""

from __future__ import annotations

from dataclasses import dataclass, replace

from inference.engine import EngineOption, EngineSpec, Options

FORMS = ("fourier, filtered", "fourier", "raster, filtered", "raster")
AS_PRESET = "as preset"
RATE_UNIT = 1e-5


@dataclass(frozen=True, slots=True)
class Preset:
    """Settings of one run. Sizes in pixels; ``gravity`` and ``intersection`` for alpha of 256 x 256, being sums.

    The filter's four numbers and the diffusion times are the same in all presets, as in the published ones.
    """

    form: str = FORMS[0]
    iterations: int = 300
    learning_rate: float = RATE_UNIT
    backgrounds: int = 1
    guidance: float = 100.0
    gravity: float = 0.05
    intersection: float = 0.0
    picture_size: int = 512
    tolerance: float = 0.08
    first_time: int = 20
    last_time: int = 980
    alpha_size: int = 256
    averaged: bool = False
    settles: bool = True

    @property
    def is_raster(self) -> bool:
        return self.form.startswith("raster")

    @property
    def is_filtered(self) -> bool:
        return self.form.endswith("filtered")


PRESETS = {
    "code": Preset(),
    "notebook": Preset(iterations=500, backgrounds=2, guidance=50.0, gravity=0.01, tolerance=0.1),
    "paper": Preset(form=FORMS[2], iterations=200),
    "fast": Preset(form=FORMS[2], iterations=80, learning_rate=10 * RATE_UNIT, gravity=0.0125, picture_size=256),
}
"""As published: the code's defaults, the second settings of its notebook, the second paper's. ``fast`` is ours:
gradients are sums over pixels, of which it has a quarter, so gravity is a quarter too; the rate makes up for that and
for 2.5 times fewer iterations than ``paper``."""

OPTIONS = (
    EngineOption(
        "preset", "Preset", "code", tuple(PRESETS),
        help="code, notebook and paper: as published. fast: a quarter of the pixels and 80 iterations.",
    ),
    EngineOption("form", "Form of the mask", AS_PRESET, (AS_PRESET, *FORMS)),
    EngineOption("iterations", "Iterations (0: as preset)", 0, least=0, most=5000),
    EngineOption("rate", "Learning rate in 1e-5 (0: as preset)", 0.0, least=0, most=1e5),
    EngineOption("guidance", "Guidance (0: as preset)", 0.0, least=0, most=1000),
    EngineOption("gravity", "Gravity (0: as preset)", 0.0, least=0, most=10),
    EngineOption("backgrounds", "Backgrounds per iteration (0: as preset)", 0, least=0, most=16),
    EngineOption(
        "intersection", "Keep captions apart (intersection loss)", 0.0, least=0, most=10,
        help="With negative captions at least 0.05.",
    ),
    EngineOption(
        "captions", "Several captions", "separate", ("separate", "averaged"),
        help="separate: a mask for each; averaged: one mask for their mean.",
    ),
    EngineOption("settle", "Stop when the mask has settled", True),
)  # fmt: skip


def chosen(spec: EngineSpec, options: Options) -> Preset:
    """The preset with what the options change in it. Raises ``UnusableOption``."""
    o = spec.settled(options)
    preset = PRESETS[str(o["preset"])]
    return replace(
        preset,
        form=preset.form if o["form"] == AS_PRESET else str(o["form"]),
        iterations=int(o["iterations"]) or preset.iterations,
        learning_rate=float(o["rate"]) * RATE_UNIT or preset.learning_rate,
        guidance=float(o["guidance"]) or preset.guidance,
        gravity=float(o["gravity"]) or preset.gravity,
        backgrounds=int(o["backgrounds"]) or preset.backgrounds,
        intersection=float(o["intersection"]) or preset.intersection,
        averaged=o["captions"] == "averaged",
        settles=bool(o["settle"]),
    )
