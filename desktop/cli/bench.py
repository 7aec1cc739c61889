"""``maskwright bench``: measured figures of this machine. Every row says what was measured, in milliseconds."""

from __future__ import annotations

import json
import statistics
import subprocess
import tempfile
import time
from importlib.resources import as_file
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.table import Table

from desktop.cli import alone
from desktop.cli.bench_prelabel import prelabel
from desktop.cli.output import console, print_json
from desktop.dataset import images
from desktop.dataset.changes import AddCategories, AddImages, AddInstances
from desktop.dataset.formats import registry
from desktop.dataset.masks import Mask
from desktop.dataset.model import Category, Image, Instance
from desktop.dataset.store import Project
from inference.engine import Image as EngineImage
from inference.engine import silent
from inference.prompts import Point, PromptSet
from inference.registry import create_engine, default_engine
from resources import resource

app = typer.Typer(help="Measured figures of this machine.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")]
REPEATS = 7


app.command("prelabel")(prelabel)


@app.callback()
def bench() -> None:
    """Measured figures of this machine."""


@app.command()
def latency(engine: Annotated[str, typer.Option(help="Engine by name.")] = "", as_json: Json = False) -> None:
    """Encode and prompt times of an engine on a sample photo (process CPU time, medians)."""
    chosen = create_engine(engine or default_engine())
    with as_file(resource("sample", "images", "val2017_000000006012.jpg")) as path:
        pixels = images.load(path).pixels
    height, width = pixels.shape[:2]
    encodes, prompts = [], []
    for repeat in range(REPEATS):
        started = time.process_time()
        features = chosen.encode(EngineImage(pixels, f"bench-{repeat}"), silent)
        encodes.append((time.process_time() - started) * 1e3)
        started = time.process_time()
        chosen.segment(features, PromptSet((Point(width / 2, height / 2),)), None, silent)
        prompts.append((time.process_time() - started) * 1e3)
    encode, prompt = statistics.median(encodes), statistics.median(prompts)
    figures = {"engine": chosen.spec.name, "width": width, "height": height, "encode_ms": encode, "prompt_ms": prompt}
    _show("latency", figures, as_json)


@app.command()
def startup(as_json: Json = False) -> None:
    """From the command to a window that takes input (wall clock, medians)."""
    runs = [_start() for _ in range(3)]
    figures = {name: statistics.median(run[name] for run in runs) for name in ("command_ms", "window_ms", "cpu_ms")}
    _show("startup", {**figures, "torch": any(run["torch"] for run in runs)}, as_json)


@app.command()
def export(instances: Annotated[int, typer.Option(min=1)] = 5000, as_json: Json = False) -> None:
    """COCO export of made-up instances (process CPU time)."""
    generator = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder, Project.create(Path(folder) / "bench") as project:
        per_image = 50
        pictures = tuple(
            Image(project.reserve_image_id(), f"{number}.jpg", width=640, height=480)
            for number in range(-(-instances // per_image))
        )
        category = Category(project.reserve_category_id(), "thing", "#e05a4f")
        made = []
        for number in range(instances):
            angles = np.linspace(0, 2 * np.pi, 50, endpoint=False)
            radius = generator.uniform(10, 60) * (1 + 0.2 * np.sin(angles * 5))
            cx, cy = generator.uniform(80, 560), generator.uniform(80, 400)
            ring = [(cx + r * np.cos(a), cy + r * np.sin(a)) for r, a in zip(radius, angles, strict=True)]
            mask = Mask.from_polygons([ring], 640, 480)
            made.append(Instance(project.reserve_instance_id(), pictures[number // per_image].id, mask, category.id))
        project.apply(AddImages(pictures), AddCategories((category,)), AddInstances(tuple(made)))
        started = time.process_time()
        registry.export_format("coco").write(project, Path(folder) / "out", {})
        seconds = time.process_time() - started
    _show("export", {"instances": instances, "seconds": seconds, "instances_per_s": instances / seconds}, as_json)


@app.command()
def canvas(as_json: Json = False) -> None:
    """Frames of the canvas with 1,000 and 5,000 instances (process CPU time, medians), in a process with a window."""
    _show("canvas", _child("desktop.bench_canvas"), as_json)


def _start() -> dict[str, Any]:
    """One start; ``command_ms`` also counts what happens before the program's first line: loader and interpreter."""
    begun = time.time()
    figures = _child("desktop.bench_startup")
    return {**figures, "command_ms": (figures["ready_at"] - begun) * 1e3}


def _child(module: str) -> dict[str, Any]:
    """The JSON that a module prints when it is run alone: this process loads no Qt."""
    done = subprocess.run(alone.command(module), check=True, capture_output=True, text=True)
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures


def _show(title: str, figures: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(figures)
        return
    table = Table("figure", "value", title=title)
    for name, value in figures.items():
        table.add_row(name, f"{value:.4g}" if isinstance(value, float) else str(value))
    console.print(table)
