"""``maskwright bench``: the figures behind docs/performance.md, on this machine."""

from __future__ import annotations

import importlib
import importlib.util
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.resources import as_file
from pathlib import Path
from typing import Annotated, Any

import typer

from desktop.cli.failures import BadInput, failures_as_sentences, print_json, stderr
from desktop.dataset import images
from desktop.dataset.changes import AddCategories, AddImages, AddInstances
from desktop.dataset.formats.registry import EXPORTS
from desktop.dataset.masks import Mask
from desktop.dataset.model import Category, Image, Instance
from desktop.dataset.store import Project
from inference import engine as contract
from inference import open_engine, registry
from inference.prompts import Point, PromptSet
from resources import resource

CANVAS_MODULE = "desktop.bench_canvas"
LATENCY_IMAGE = "coffee.jpg"
DISC_VERTICES = 50

JsonFlag = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
bench = typer.Typer(help="Measure this machine.", no_args_is_help=True, pretty_exceptions_enable=False)


def _answer(result: dict[str, Any], json: bool) -> None:
    if json:
        print_json(result)
    else:
        for key, value in result.items():
            stderr.print(f"{key:>24}  {value}")


@bench.command()
def latency(
    engine: Annotated[str, typer.Option(help="Its name.")] = "",
    rounds: Annotated[int, typer.Option(min=1, help="Clicks to measure.")] = 10,
    json: JsonFlag = False,
) -> None:
    """Time to encode an image and to answer a click."""
    with failures_as_sentences():
        name = engine or registry.default_engine()
        with as_file(resource("sample", "images", LATENCY_IMAGE)) as file:
            loaded = images.load(file)
        opened = open_engine(name)
        image = contract.Image(loaded.pixels, loaded.content_hash)
        encode_ms = _milliseconds(lambda: opened.encode(image, contract.silent), 1)[0]
        features = opened.encode(image, contract.silent)
        prompts = PromptSet((Point(loaded.width / 2, loaded.height / 2),))
        clicks = _milliseconds(lambda: opened.segment(features, prompts, None, contract.silent), rounds)
        size = f"{loaded.width}x{loaded.height}"
        _answer(
            {
                "engine": name, "image": size, "encode_ms": round(encode_ms, 1), "rounds": rounds,
                "click_ms_median": round(statistics.median(clicks), 1), "click_ms_max": round(max(clicks), 1),
            },
            json,
        )  # fmt: skip


@bench.command()
def startup(rounds: Annotated[int, typer.Option(min=1, help="Starts to measure.")] = 3, json: JsonFlag = False) -> None:
    """Time from the start of the process until the command line is ready."""
    with failures_as_sentences():
        command = [sys.executable, "-m", "desktop.cli.main", "--help"]
        times = _milliseconds(lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL), rounds)
        _answer({"rounds": rounds, "ms_median": round(statistics.median(times)), "ms_max": round(max(times))}, json)


@bench.command()
def export(
    instances: Annotated[int, typer.Option(min=1, help="How many instances.")] = 1000, json: JsonFlag = False
) -> None:
    """Time of each export, for discs of 50 vertices on 1920 × 1080 images, 100 an image."""
    with failures_as_sentences(), tempfile.TemporaryDirectory() as folder:
        with Project.create(Path(folder) / "bench.maskwright") as project:
            _fill(project, instances)
            result: dict[str, Any] = {"instances": instances}
            for chosen in EXPORTS:
                out = Path(folder) / chosen.name
                start = time.perf_counter()
                chosen.write(project, out, {})
                result[f"{chosen.name}_ms"] = round(1000 * (time.perf_counter() - start))
        _answer(result, json)


def _fill(project: Project, instances: int) -> None:
    import math

    width, height, per_image = 1920, 1080, 100
    count = -(-instances // per_image)
    project.apply(
        AddCategories((Category(1, "disc", "#4363d8"),)),
        AddImages(tuple(Image(n, f"{n}.jpg", 0, width, height) for n in range(1, count + 1))),
    )
    made = []
    for n in range(instances):
        place = n % per_image
        x, y, radius = 100 + place % 10 * 180, 60 + place // 10 * 105, 30 + place % 20
        turns = [2 * math.pi * k / DISC_VERTICES for k in range(DISC_VERTICES)]
        ring = [(x + radius * math.cos(t), y + radius * math.sin(t)) for t in turns]
        made.append(Instance(n + 1, n // per_image + 1, Mask.from_polygons([ring], width, height), 1))
    project.apply(AddInstances(tuple(made)))
    project.flush()


def _milliseconds(action: Callable[[], object], rounds: int) -> list[float]:
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        action()
        times.append(1000 * (time.perf_counter() - start))
    return times


def canvas(json: JsonFlag = False) -> None:
    """Hover, pan and zoom of the canvas with 1,000 polygons (offscreen)."""
    with failures_as_sentences():
        measured = importlib.import_module(CANVAS_MODULE).run()
        if not isinstance(measured, dict):
            raise BadInput("The canvas could not be measured.")
        _answer(measured, json)


if importlib.util.find_spec(CANVAS_MODULE) is not None:
    bench.command()(canvas)
