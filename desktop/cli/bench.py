"""``maskwright bench``: measured figures of this machine. Every row says what was measured, in milliseconds."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Mapping
from importlib.resources import as_file
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from desktop.bench_project import make
from desktop.cli import alone
from desktop.cli.bench_prelabel import prelabel
from desktop.cli.output import console, print_json
from desktop.dataset import images
from desktop.dataset.formats import registry
from desktop.dataset.quality import check
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
    with (
        tempfile.TemporaryDirectory() as folder,
        make(Path(folder) / "bench.maskwright", -(-instances // 50), instances) as project,
    ):
        figures = _exported(project, Path(folder) / "out")
    _show("export", figures, as_json)


@app.command()
def scale(
    pictures: Annotated[int, typer.Option("--images", min=1)] = 20_000,
    instances: Annotated[int, typer.Option(min=0)] = 300_000,
    project: Annotated[Path | None, typer.Option(help="Keep the made-up project here, or use the one there.")] = None,
    as_json: Json = False,
) -> None:
    """The window, export and check with a made-up project of the size of a real data set (CPU time, memory)."""
    with tempfile.TemporaryDirectory() as folder:
        path = (project or Path(folder) / "data" / "scale.maskwright").absolute()
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            make(path, pictures, instances).close()
        figures = _child("desktop.bench_scale", {"MASKWRIGHT_BENCH_PROJECT": str(path)})
        with Project.open(path, read_only=True, state_folder=Path(folder)) as opened:
            started = time.process_time()
            figures["check_findings"] = sum(1 for _ in check(opened, files=False))
            figures["check_seconds"] = time.process_time() - started
            figures |= {f"export_{name}": value for name, value in _exported(opened, Path(folder) / "out").items()}
    _show("scale", figures, as_json)


def _exported(project: Project, folder: Path) -> dict[str, Any]:
    started = time.process_time()
    report = registry.export_format("coco").write(project, folder, {"scope": "all"})
    seconds = time.process_time() - started
    return {"instances": report.instances, "seconds": seconds, "instances_per_s": report.instances / seconds}


@app.command()
def canvas(as_json: Json = False) -> None:
    """Frames of the canvas with 1,000 and 5,000 instances (process CPU time, medians), in a process with a window."""
    _show("canvas", _child("desktop.bench_canvas"), as_json)


def _start() -> dict[str, Any]:
    """One start; ``command_ms`` also counts what happens before the program's first line: loader and interpreter."""
    begun = time.time()
    figures = _child("desktop.bench_startup")
    return {**figures, "command_ms": (figures["ready_at"] - begun) * 1e3}


def _child(module: str, environment: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The JSON that a module prints when it is run alone: this process loads no Qt."""
    surroundings = {**os.environ, **(environment or {})}
    done = subprocess.run(alone.command(module), check=True, capture_output=True, text=True, env=surroundings)
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
