"""``maskwright segment``: one image, one prompt set, one engine, headless."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from PIL import Image as PillowImage

from desktop.cli import values
from desktop.cli.output import InputProblem, print_json, say
from desktop.dataset import images
from inference import labels as label_service
from inference.engine import Capability, Configurable, Engine, Image, silent
from inference.prompts import MaskArray, MaskPrompt, PromptSet, Reference, Text
from inference.region_of_interest import Crop
from inference.registry import create_engine, default_engine
from inference.results import Segmentation
from inference.runner import Seeded

OVERLAY_COLOUR = np.array([255, 64, 96], np.float32)


def segment(
    image: Annotated[Path, typer.Argument(help="The image file.")],
    engine: Annotated[str, typer.Option(help="Engine by name; see `maskwright engines`.")] = "",
    point: Annotated[list[str] | None, typer.Option(help="X,Y[,+|-]")] = None,
    box: Annotated[list[str] | None, typer.Option(help="X0,Y0,X1,Y1[,+|-]")] = None,
    scribble: Annotated[list[str] | None, typer.Option(help='"X,Y X,Y …[,+|-]"')] = None,
    text: Annotated[list[str] | None, typer.Option(help="A phrase.")] = None,
    reference: Annotated[list[str] | None, typer.Option(help="IMG:MASK.png, a region of another image.")] = None,
    prior: Annotated[Path | None, typer.Option(help="MASK.png to start from.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write the best mask as a 0/255 PNG.")] = None,
    overlay: Annotated[Path | None, typer.Option(help="Write the image with the mask on it.")] = None,
    labels: Annotated[str, typer.Option(help="a,b,c, a file or a packaged list: rank these names for each mask.")] = "",
    seed: Annotated[int, typer.Option(help="Seed of engines that draw random numbers.")] = 0,
    option: Annotated[list[str] | None, typer.Option(help="NAME=VALUE, an option of the engine.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")] = False,
) -> None:
    """Segment one object of an image by prompts."""
    loaded = images.load(image)
    height, width = loaded.pixels.shape[:2]
    whole = Crop(height, width, (0, 0, width, height))
    prompts = PromptSet()
    if prior is not None:
        prompts = prompts.added(MaskPrompt(values.mask_file(prior, (width, height))))
    for kind, texts in ((values.box, box), (values.scribble, scribble), (values.point, point)):
        for each in texts or ():
            prompt = kind(each)
            if not whole.shows(prompt):
                raise InputProblem(f"'{each}' lies outside {image.name}, which has {width} × {height} pixels.")
            prompts = prompts.added(prompt)
    for phrase in text or ():
        prompts = prompts.added(Text(phrase))
    for each in reference or ():
        prompts = prompts.added(_reference(each))
    if not len(prompts):
        raise InputProblem("Nothing to segment by: give at least one --point, --box, --scribble, --text or --prior.")
    np.random.seed(seed)  # noqa: NPY002 - engines and libraries may use the legacy generator

    chosen = create_engine(engine or default_engine())
    _prepare(chosen, seed, option or ())
    started = time.perf_counter()
    picture = Image(loaded.pixels, loaded.content_hash)
    features = chosen.encode(picture, silent)
    encoded = time.perf_counter()
    answer = chosen.segment(features, prompts, None, silent)
    finished = time.perf_counter()

    ranked: list[list[tuple[str, float]]] = [[(x.name, x.score) for x in c.labels] for c in answer.candidates]
    if labels:
        names, masks = values.vocabulary(labels), [c.mask() for c in answer.candidates]
        if Capability.LABEL in chosen.spec.capabilities:
            scores = chosen.label(features, masks, names)
        else:
            scores = label_service.rank(picture, masks, names, chosen.spec.name)
        rows = range(len(answer.candidates))
        ranked = [[(x.name, x.score) for x in scores.ranked(row, len(names.names))] for row in rows]
    _write(answer, loaded.pixels, out, overlay)
    summary = {
        "engine": chosen.spec.name,
        "candidates": [
            {**_measure(c.mask()), "score": round(c.score, 4), "labels": [[n, round(s, 4)] for n, s in row]}
            for c, row in zip(answer.candidates, ranked, strict=True)
        ],
        "ignored": [{"kind": each.kind, "count": each.count} for each in answer.ignored],
        "notes": list(answer.notes),
        "ms": {"encode": round((encoded - started) * 1e3, 1), "segment": round((finished - encoded) * 1e3, 1)},
    }
    if as_json:
        print_json(summary)
    for skipped in answer.ignored:
        say(f"{chosen.spec.title} does not take {skipped.kind} prompts; {skipped.count} ignored.")
    for note in answer.notes:
        say(note)
    if not answer.candidates:
        say("Nothing found — add a positive point.")
    elif not as_json:
        best = summary["candidates"][0]  # type: ignore[index]
        say(f"{chosen.spec.title}: {len(answer.candidates)} candidates; the best has {best['area']} pixels.")


def _prepare(engine: Engine, seed: int, options: Sequence[str]) -> None:
    """Give an engine its seed and its options. Raises :class:`UnusableOption`."""
    if isinstance(engine, Seeded):
        engine.reseed(seed)
    given = {}
    for each in options:
        name, separator, value = each.partition("=")
        if not separator:
            raise InputProblem(f"'{each}' is not of the form --option NAME=VALUE.")
        given[name.strip()] = value.strip()
    settled = engine.spec.settled(given)
    if isinstance(engine, Configurable):
        engine.configure({name: settled[name] for name in given})


def _reference(text: str) -> Reference:
    name, separator, mask = text.rpartition(":")
    if not separator:
        raise InputProblem(f"'{text}' is not of the form --reference IMG:MASK.png.")
    pixels = images.load(Path(name)).pixels
    return Reference(pixels, values.mask_file(Path(mask), (pixels.shape[1], pixels.shape[0])), Path(name).name)


def _measure(mask: MaskArray) -> dict[str, object]:
    ys, xs = np.nonzero(mask)
    if not len(xs):
        return {"area": 0, "bbox": [0, 0, 0, 0]}
    x, y = int(xs.min()), int(ys.min())
    return {"area": len(xs), "bbox": [x, y, int(xs.max()) + 1 - x, int(ys.max()) + 1 - y]}


def _write(answer: Segmentation, pixels: np.ndarray, out: Path | None, overlay: Path | None) -> None:
    height, width = pixels.shape[:2]
    mask = answer.candidates[0].mask() if answer.candidates else np.zeros((height, width), np.bool_)
    try:
        if out is not None:
            PillowImage.fromarray(np.where(mask, 255, 0).astype(np.uint8)).save(out, format="PNG")
        if overlay is not None:
            view = pixels.astype(np.float32)
            view[mask] = 0.5 * view[mask] + 0.5 * OVERLAY_COLOUR
            PillowImage.fromarray(view.astype(np.uint8)).save(overlay, format="PNG")
    except OSError as error:
        raise InputProblem(
            f"{error.filename or out or overlay} cannot be written: {error.strerror or error}."
        ) from None
