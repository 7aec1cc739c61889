"""``maskwright evaluate``: how good an engine is, by the protocols of docs/evaluation.md."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer
from rich.table import Table

from desktop.cli.output import InputProblem, console, print_json, progress_bar, say
from inference.evaluation import clicks as click_protocol
from inference.evaluation import labels as label_protocol
from inference.evaluation import panoptic as panoptic_protocol
from inference.evaluation import referring as text_protocol
from inference.evaluation import rootwords as word_protocol
from inference.registry import create_engine, default_engine

Index: TypeAlias = Annotated[Path, typer.Option(help="index.json of the data set.")]
EngineName: TypeAlias = Annotated[str, typer.Option("--engine", help="Engine by name.")]
Limit: TypeAlias = Annotated[int | None, typer.Option(help="Only this many evenly spaced tasks.", min=1)]
Domain: TypeAlias = Annotated[str | None, typer.Option(help="Only the tasks of this domain.")]
AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")]
Evaluation: TypeAlias = Callable[..., dict[str, object]]
"""``evaluate`` of a module of :mod:`inference.evaluation`."""

app = typer.Typer(help="How good an engine is on a set of images with masks.", no_args_is_help=True)


@app.callback()
def evaluate() -> None:
    """How good an engine is on a set of images with masks."""


class Protocol(StrEnum):
    """Whose rules the simulated clicks follow."""

    USUAL = "usual"
    SEEM = "seem"


@app.command()
def clicks(
    index: Index,
    engine: EngineName = "",
    limit: Limit = None,
    domain: Domain = None,
    protocol: Annotated[Protocol, typer.Option(help="Whose rules the clicks follow.")] = Protocol.USUAL,
    as_json: AsJson = False,
) -> None:
    """Simulated clicks: how many until the mask is good (NoC), and how good it is after a few (IoU)."""
    _run(partial(click_protocol.evaluate, protocol=protocol.value), "Tasks", index, engine, limit, domain, as_json)


@app.command()
def referring(
    index: Index, engine: EngineName = "", limit: Limit = None, domain: Domain = None, as_json: AsJson = False
) -> None:
    """Referring expressions: how well the mask that a phrase finds covers what it means (oIoU, mIoU, P@0.5)."""
    _run(text_protocol.evaluate, "Phrases", index, engine, limit, domain, as_json)


@app.command()
def panoptic(
    index: Index, engine: EngineName = "", limit: Limit = None, domain: Domain = None, as_json: AsJson = False
) -> None:
    """Whole images: panoptic, segmentation and recognition quality (PQ, SQ, RQ)."""
    _run(panoptic_protocol.evaluate, "Images", index, engine, limit, domain, as_json)


@app.command()
def labels(
    index: Index, engine: EngineName = "", limit: Limit = None, domain: Domain = None, as_json: AsJson = False
) -> None:
    """Names for true masks: how often the right one is the best, or among the best five."""
    _run(label_protocol.evaluate, "Objects", index, engine, limit, domain, as_json)


def _run(
    evaluation: Evaluation,
    title: str,
    index: Path,
    engine: str,
    limit: int | None,
    domain: str | None,
    as_json: bool,
) -> None:
    chosen = create_engine(engine or default_engine())
    with progress_bar(title) as progress:
        figures = evaluation(chosen, index, limit=limit, domain=domain, progress=progress)
    if as_json:
        print_json(figures)
    else:
        _print(figures)


@app.command()
def rootwords(
    listing: Annotated[Path, typer.Option("--list", help="JSON list of expressions with their root words.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """How many root words of referring expressions are found ("cow" in "left brown cow")."""
    try:
        figures = word_protocol.evaluate(word_protocol.read_list(listing))
    except word_protocol.BadWordList as problem:
        raise InputProblem(str(problem)) from problem
    if as_json:
        print_json(figures)
    else:
        for miss in figures["wrong"]:
            say(f"{miss['text']}: found {miss['found']}, expected {miss['root']}")
        say(f"{figures['correct']} of {figures['n']} correct")


def _print(figures: dict[str, Any]) -> None:
    rows = {"all": figures, **figures["domains"]}
    keys = [key for key, value in figures.items() if isinstance(value, int | float) and key != "seconds"]
    table = Table("domain", *keys, title=f"{figures['engine']}: {figures['n']} tasks in {figures['seconds']:.0f} s")
    for name, row in rows.items():
        table.add_row(name, *(f"{row[key]:.4g}" for key in keys))
    console.print(table)
