"""``maskwright segment``: one image, some prompts, one mask."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from PIL import Image as PillowImage

from desktop.cli import values
from desktop.cli.failures import BadInput, failures_as_sentences, print_json, stderr
from desktop.dataset import images
from inference import registry
from inference.engine import Capability, Engine, Features, Image, Vocabulary, silent
from inference.prompts import MaskArray, MaskPrompt, Prompt, PromptSet, Text
from inference.results import Candidate

OVERLAY_COLOUR = (255, 64, 64)


def segment(
    image: Annotated[Path, typer.Argument(help="The image file.")],
    engine: Annotated[str, typer.Option(help="Its name; see `maskwright engines`.")] = "",
    point: Annotated[list[str] | None, typer.Option(metavar="X,Y[,+|-]")] = None,
    box: Annotated[list[str] | None, typer.Option(metavar="X0,Y0,X1,Y1[,+|-]")] = None,
    scribble: Annotated[list[str] | None, typer.Option(metavar='"X,Y X,Y …[,+|-]"')] = None,
    text: Annotated[list[str] | None, typer.Option(metavar="TEXT")] = None,
    reference: Annotated[list[str] | None, typer.Option(metavar="IMG:MASK.png")] = None,
    prior: Annotated[Path | None, typer.Option(help="A mask to start from.", metavar="MASK.png")] = None,
    out: Annotated[Path | None, typer.Option(help="Write the best mask as a 0/255 PNG.")] = None,
    overlay: Annotated[Path | None, typer.Option(help="Write the image with the mask over it.")] = None,
    labels: Annotated[str, typer.Option(help="Rank these names for each candidate.", metavar="a,b,c")] = "",
    seed: Annotated[int, typer.Option(help="For engines that draw random numbers.")] = 0,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Segment one object of an image with points, boxes, scribbles, words, a reference or a prior mask."""
    with failures_as_sentences():
        loaded = images.load(image)
        drawn = [
            *map(values.box, box or ()),
            *map(values.scribble, scribble or ()),
            *map(values.point, point or ()),
        ]
        values.inside(drawn, loaded.width, loaded.height)
        prompts: list[Prompt] = [*map(values.reference, reference or ()), *drawn, *(Text(t) for t in text or ())]
        if prior is not None:
            prompts.insert(0, MaskPrompt(values.read_mask(prior, loaded.width, loaded.height)))
        if not prompts:
            raise BadInput("Nothing to segment with: give --point, --box, --scribble, --text, --reference or --prior.")
        result = run(
            engine or registry.default_engine(),
            Image(loaded.pixels, loaded.content_hash),
            PromptSet(tuple(prompts)),
            values.names(labels),
            seed,
        )
        masks: list[MaskArray] = result.pop("masks")
        if not masks:
            raise BadInput(f"{image.name}: the engine found nothing for these prompts.")
        if out is not None:
            save_png(PillowImage.fromarray(masks[0].astype(np.uint8) * 255), out)
        if overlay is not None:
            save_png(PillowImage.fromarray(over(loaded.pixels, masks[0])), overlay)
        if json:
            print_json(result)
        else:
            best = result["candidates"][0]
            stderr.print(f"{result['engine']}: {best['area']} pixels, score {best['score']:.2f}, box {best['bbox']}")


def run(name: str, image: Image, prompts: PromptSet, labels: tuple[str, ...], seed: int) -> dict[str, Any]:
    """The object of ``--json``, and under ``masks`` the boolean masks (height, width) of its candidates."""
    engine = registry.create_engine(name)
    reseed = getattr(engine, "reseed", None)  # only engines that draw random numbers have it
    if reseed is not None:
        reseed(seed)
    start = time.perf_counter()
    features = engine.encode(image, silent)
    encoded = time.perf_counter()
    found = engine.segment(features, prompts, None, silent)
    done = time.perf_counter()
    masks = [candidate.mask() for candidate in found.candidates]
    named = _labels(engine, features, list(found.candidates), masks, labels)
    return {
        "engine": name,
        "candidates": [
            {"score": float(c.score), "area": int(m.sum()), "bbox": _bbox(m), "labels": pairs}
            for c, m, pairs in zip(found.candidates, masks, named, strict=True)
        ],
        "ignored": [{"kind": str(ignored.kind), "count": ignored.count} for ignored in found.ignored],
        "ms": {"encode": round(1000 * (encoded - start), 1), "segment": round(1000 * (done - encoded), 1)},
        "masks": masks,
    }


def _labels(
    engine: Engine, features: Features, found: list[Candidate], masks: list[MaskArray], names: tuple[str, ...]
) -> list[list[list[Any]]]:
    if not names:
        return [[[label.name, label.score] for label in candidate.labels] for candidate in found]
    if Capability.LABEL not in engine.spec.capabilities:
        raise BadInput(f"{engine.spec.title} cannot rank labels; leave out --labels or choose another engine.")
    scores = engine.label(features, masks, Vocabulary(names))
    return [[[label.name, label.score] for label in scores.ranked(row)] for row in range(len(masks))]


def _bbox(mask: MaskArray) -> list[int]:
    """xyxy, right and bottom exclusive; zeros for an empty mask."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if len(rows) == 0:
        return [0, 0, 0, 0]
    return [int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1]


def over(pixels: np.ndarray[Any, np.dtype[np.uint8]], mask: MaskArray) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """The image uint8 (h, w, 3) with the mask tinted and the rest a little darker."""
    shown = (pixels * 0.6).astype(np.uint8)
    shown[mask] = (0.5 * pixels[mask] + 0.5 * np.array(OVERLAY_COLOUR)).astype(np.uint8)
    return shown


def save_png(picture: PillowImage.Image, path: Path) -> None:
    """Write beside the place and replace, so that a half-written file never has the name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.part")
    try:
        picture.save(partial, "PNG")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
