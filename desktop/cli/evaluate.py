"""``maskwright evaluate``: how good an engine is, by the protocols of docs/evaluation.md."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from desktop.cli.output import InputProblem, console, print_json, progress_bar, say
from inference.evaluation import clicks as click_protocol
from inference.evaluation import rootwords as word_protocol
from inference.registry import create_engine, default_engine

app = typer.Typer(help="How good an engine is on a set of images with masks.", no_args_is_help=True)


@app.callback()
def evaluate() -> None:
    """How good an engine is on a set of images with masks."""


@app.command()
def clicks(
    index: Annotated[Path, typer.Option(help="index.json of the data set.")],
    engine: Annotated[str, typer.Option(help="Engine by name.")] = "",
    limit: Annotated[int | None, typer.Option(help="Only this many evenly spaced tasks.", min=1)] = None,
    domain: Annotated[str | None, typer.Option(help="Only the tasks of this domain.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Simulated clicks: how many until the mask is good (NoC), and how good it is after a few (IoU)."""
    chosen = create_engine(engine or default_engine())
    with progress_bar("Tasks") as progress:
        figures = click_protocol.evaluate(chosen, index, limit=limit, domain=domain, progress=progress)
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
