"""``maskwright prelabel``: an engine looks at all images of a project; what it finds waits there for review."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
from rich.progress import Progress as Bar

from desktop.cli import values
from desktop.cli.output import Exit, InputProblem, console, print_json, say
from desktop.dataset import images
from desktop.dataset.masks import Mask
from desktop.dataset.store import Project
from desktop.prelabel.answers import Question, hows, questions
from desktop.prelabel.job import Prelabelling, Progress
from desktop.prelabel.local import LocalFinder
from desktop.prelabel.places import open_place
from desktop.prelabel.request import LEAST_SCORE, PrelabelRequest, Region
from desktop.prelabel.work import Finder
from inference.engine import EngineSpec, OptionValue
from inference.registry import create_engine, spec


def prelabel(
    project: Annotated[Path, typer.Argument(help="The project file, or a folder of images.")],
    engine: Annotated[str, typer.Option(help="Engine by name; see `maskwright engines`.")],
    everything: Annotated[bool, typer.Option("--everything", help="All regions that the engine sees.")] = False,
    text: Annotated[list[str] | None, typer.Option(help="A phrase; its finds get it as their class.")] = None,
    classes: Annotated[str, typer.Option(help="a,b,c, a file or a packaged list of names.")] = "",
    reference: Annotated[list[str] | None, typer.Option(help="IMG:MASK.png[:CLASS], what to look for.")] = None,
    least_score: Annotated[float, typer.Option(help="Keep finds from this score on.", min=0, max=1)] = LEAST_SCORE,
    annotated: Annotated[bool, typer.Option("--annotated", help="Also images that have instances.")] = False,
    again: Annotated[
        bool, typer.Option("--again", help="Look at all images anew, also at those that are done.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Seed of engines that draw random numbers.")] = 0,
    option: Annotated[list[str] | None, typer.Option(help="NAME=VALUE, an option of the engine.")] = None,
    ray: Annotated[
        str, typer.Option(help="Address of a Ray cluster (auto, or HOST:PORT); local: on this machine.")
    ] = "",
    workers: Annotated[int, typer.Option(help="Ray workers; 0: one per GPU, without any one per two CPUs.", min=0)] = 0,
    send: Annotated[bool, typer.Option("--send", help="Send Ray workers the images, not their paths.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")] = False,
) -> None:
    """Look at all images with an engine; what it finds waits in the project as proposals until a person decides.

    Finished images are kept when it is interrupted, by Ctrl+C or by a kill: the same command goes on with the others.
    """
    known = spec(engine)
    names = values.vocabulary(classes) if classes else None
    references = [_reference(each) for each in reference or ()]
    with open_place(project) as opened:
        request = PrelabelRequest(
            known.name, everything, names, tuple(text or ()),
            tuple(Region(opened.stored_path(file), mask, label) for file, mask, label in references),
            _options(option or (), known), seed, least_score, annotated,
        )  # fmt: skip
        asked = questions(request, known, _pixels_from(opened))
        job = Prelabelling.begin(opened, request, again=again)
        started = time.perf_counter()
        interrupted = False
        finder = _finder(job, asked, ray, workers, send) if job.left else None
        try:
            if finder is not None:
                with _bar(known.title, job) as told:
                    job.run(finder, hows(asked), told)
        except KeyboardInterrupt:
            interrupted = True
        _tell(job, time.perf_counter() - started, as_json, interrupted)
    if interrupted:
        raise typer.Exit(Exit.INTERRUPTED)
    raise typer.Exit(Exit.SOME_FAILED if job.report.failures else Exit.DONE)


def _finder(job: Prelabelling, asked: Sequence[Question], address: str, workers: int, send: bool) -> Finder:
    if address:
        from desktop.prelabel.cluster import RayFinder

        return RayFinder(job.request, asked, job.control, address, workers, send=send)
    return LocalFinder(create_engine(job.request.engine), job.request, asked, job.control)


def _tell(job: Prelabelling, seconds: float, as_json: bool, interrupted: bool) -> None:
    report = job.report
    failed = [{"file": str(job.project.image_path(f.image)), "reason": f.reason} for f in report.failures]
    rate = report.now / seconds if report.now else 0.0
    if as_json:
        print_json(
            {
                "project": str(job.project.path), "job": job.job.id, "engine": job.request.engine,
                "images": job.total, "done": report.now, "before": report.before, "annotated": report.annotated,
                "left": len(job.left), "proposals": report.found, "failed": failed, "seconds": round(seconds, 2),
                "images_per_s": round(rate, 3), "interrupted": interrupted,
            }
        )  # fmt: skip
    pieces = [f"{report.now} images in {seconds:.0f} s", f"{report.found} proposals"]
    pieces += [f"{report.before} were done before"] * bool(report.before)
    pieces += [f"{report.annotated} left out because they have instances"] * bool(report.annotated)
    pieces += [f"{len(failed)} failed"] * bool(failed)
    pieces += [f"{len(job.left)} left; the same command goes on"] * bool(job.left)
    say(f"{job.project.path.name}: {', '.join(pieces)}.")
    for each in failed:
        say(f"  {each['file']}: {each['reason']}")


@contextmanager
def _bar(title: str, job: Prelabelling) -> Iterator[Callable[[Progress], None]]:
    """Images, proposals, rate and time left, on stderr while that is a terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[more]}"))
    with Bar(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(title, total=job.total, completed=job.progress().done, more="")

        def told(progress: Progress) -> None:
            more = f"{progress.found} proposals"
            if progress.rate is not None and progress.left is not None:
                more += f" · {progress.rate:.2f} images/s · {_clock(progress.left)} left"
            if progress.failed:
                more += f" · {progress.failed} failed"
            bar.update(task, completed=progress.done, more=more)

        yield told


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _options(texts: Sequence[str], known: EngineSpec) -> dict[str, OptionValue]:
    given: dict[str, OptionValue] = {}
    for each in texts:
        name, separator, value = each.partition("=")
        if not separator:
            raise InputProblem(f"'{each}' is not of the form --option NAME=VALUE.")
        given[name.strip()] = value.strip()
    settled = known.settled(given)
    return {name: settled[name] for name in given}


def _reference(text: str) -> tuple[Path, Mask, str]:
    """``IMG:MASK.png[:CLASS]``."""
    pieces = text.split(":")
    form = "--reference IMG:MASK.png[:CLASS]"
    if len(pieces) < 2:
        raise InputProblem(f"'{text}' is not of the form {form}.")
    for count in (2, 3):
        image, mask = ":".join(pieces[: len(pieces) - count + 1]), pieces[len(pieces) - count + 1]
        if image and mask and Path(mask).is_file():
            info = images.probe(Path(image))
            region = values.mask_file(Path(mask), (info.width, info.height))
            return Path(image), Mask.from_array(region), pieces[-1] if count == 3 else ""
    raise InputProblem(f"'{text}' is not of the form {form}, or its mask does not exist.")


def _pixels_from(project: Project) -> Callable[[Region], NDArray[np.uint8]]:
    return lambda region: images.load(project.folder / region.image, region.page).pixels
