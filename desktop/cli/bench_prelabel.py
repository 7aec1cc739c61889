"""``maskwright bench prelabel``: a pre-labelling job beside a bare loop of its engine, turn by turn in one run."""

from __future__ import annotations

import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import as_file
from pathlib import Path
from typing import Annotated, Any

import typer

from desktop.cli.output import InputProblem, print_json, say
from desktop.dataset import images
from desktop.dataset.changes import AddImages
from desktop.dataset.images import scan_folder
from desktop.dataset.model import Image
from desktop.dataset.store import SUFFIX, Project
from desktop.prelabel.answers import hows, questions
from desktop.prelabel.job import Prelabelling, Progress
from desktop.prelabel.local import LocalFinder
from desktop.prelabel.request import PrelabelRequest
from inference.device import return_freed_memory
from inference.engine import Cancelled, Engine, silent
from inference.engine import Image as EngineImage
from inference.prompts import PromptSet, Text
from inference.registry import create_engine, default_engine, spec
from resources import resource

POLL = 0.02


@dataclass(slots=True)
class _Spent:
    """Seconds of the clock and of the processor, for so many images."""

    wall: float = 0.0
    cpu: float = 0.0
    images: int = 0

    def add(self, work: Callable[[], int]) -> None:
        wall, cpu = time.perf_counter(), time.process_time()
        self.images += work()
        self.wall += time.perf_counter() - wall
        self.cpu += time.process_time() - cpu


def prelabel(
    engine: Annotated[str, typer.Option(help="Engine by name.")] = "",
    photos: Annotated[Path | None, typer.Option(help="A folder of photos; default: the sample.")] = None,
    text: Annotated[str, typer.Option(help="Look for this phrase; default: everything.")] = "",
    limit: Annotated[int, typer.Option(help="Photos, evenly spaced.", min=1)] = 300,
    block: Annotated[int, typer.Option(help="Photos in a turn.", min=1)] = 10,
    keep: Annotated[Path | None, typer.Option(help="Where the project with the proposals stays.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Images per second of a pre-labelling job and of a bare loop of its engine, decoding included in both.

    They take turns with the same photos, so that what else the machine does weighs on both; an interruption ends it
    with the figures so far.
    """
    with tempfile.TemporaryDirectory() as folder, as_file(resource("sample", "images")) as sample:
        files = scan_folder(photos or sample)
        if not files:
            raise InputProblem(f"There are no images in {photos}.")
        chosen = [files[number * len(files) // min(limit, len(files))] for number in range(min(limit, len(files)))]
        with Project.create(keep or Path(folder) / f"bench{SUFFIX}") as project:
            entries = tuple(Image(project.reserve_image_id(), project.stored_path(file)) for file in chosen)
            project.apply(AddImages(entries))
            figures = _measured(project, chosen, engine or default_engine(), text, block)
    if as_json:
        print_json(figures)
    for name, value in figures.items():
        say(f"{name}: {value}")


def _measured(project: Project, files: list[Path], name: str, text: str, block: int) -> dict[str, Any]:
    texts = (text,) if text else ()
    request = PrelabelRequest(name, everything=not text, texts=texts)
    asked = questions(request, spec(name), lambda region: images.load(project.folder / region.image).pixels)
    loaded = create_engine(name)
    job = Prelabelling.begin(project, request)
    bare, piped = _Spent(), _Spent()
    memory: list[int] = []
    written = threading.Semaphore(0)
    _look(loaded, files[:1], text)  # the first image also pays for what is made once
    job.control.pause()

    def told(progress: Progress) -> None:
        written.release()
        if progress.done < len(files) and progress.done % block == 0:
            job.control.pause()

    def run() -> None:
        try:
            job.run(LocalFinder(loaded, request, asked, job.control), hows(asked), told)
        except Cancelled:
            return

    runner = threading.Thread(target=run)
    runner.start()
    try:
        while piped.images < len(files):
            begun = piped.images
            piped.add(lambda: _turn(job, runner, written))
            memory.append(_resident_mb())
            bare.add(lambda begun=begun: _look(loaded, files[begun : piped.images], text))  # type: ignore[misc]
            return_freed_memory(at_once=True)  # what the bare loop left behind is not the job's
            say(
                f"  {piped.images} of {len(files)}: job/bare throughput {_ratio(bare, piped):.3f} by the clock, "
                f"{_cpu_ratio(bare, piped):.3f} by processor time, {memory[-1]} MB"
            )
    except KeyboardInterrupt:
        say("Interrupted: these are the figures so far.")
    finally:
        job.control.stop()
        runner.join()
    return {
        "engine": name, "images": piped.images, "block": block,
        "bare_images_per_s": bare.images / bare.wall, "job_images_per_s": piped.images / piped.wall,
        "ratio_wall": _ratio(bare, piped), "bare_cpu_s_per_image": bare.cpu / bare.images,
        "job_cpu_s_per_image": piped.cpu / piped.images,
        "ratio_cpu": _cpu_ratio(bare, piped), "resident_mb": memory,
        "failed": len(job.report.failures), "proposals": job.report.found,
    }  # fmt: skip


def _turn(job: Prelabelling, runner: threading.Thread, written: threading.Semaphore) -> int:
    """Let the job go on until it has paused again and everything under way is written; how many images that were."""
    count = 0
    job.control.resume()
    while runner.is_alive():
        count += written.acquire(timeout=POLL)
        if job.control.paused and not job.under_way:
            break
    while written.acquire(blocking=False):
        count += 1
    return count


def _look(engine: Engine, files: list[Path], text: str) -> int:
    """The bare loop."""
    for file in files:
        loaded = images.load(file)
        features = engine.encode(EngineImage(loaded.pixels, loaded.content_hash), silent)
        if text:
            engine.segment(features, PromptSet((Text(text),)), None, silent)
        else:
            engine.everything(features, None, silent)
    return len(files)


def _ratio(bare: _Spent, piped: _Spent) -> float:
    """How much of the bare loop's throughput the job reaches."""
    return (piped.images / piped.wall) / (bare.images / bare.wall)


def _cpu_ratio(bare: _Spent, piped: _Spent) -> float:
    """The same, by the processor time of this process: what a busy machine shows truly."""
    return (bare.cpu / bare.images) / (piped.cpu / piped.images)


def _resident_mb() -> int:
    """Resident memory of this process now, where the system tells it, else its highest."""
    if Path("/proc/self/statm").exists():
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") // 2**20
    if sys.platform == "win32":
        return 0
    import resource as usage

    peak = usage.getrusage(usage.RUSAGE_SELF).ru_maxrss
    return peak // 2**20 if sys.platform == "darwin" else peak // 2**10
