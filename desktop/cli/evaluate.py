"""``maskwright evaluate``: the figures of an engine on a set of tasks (design.md §6)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

from desktop.cli.failures import BadInput, failures_as_sentences, print_json, stderr
from inference import open_engine, registry

app = typer.Typer(help="Measure an engine.", no_args_is_help=True, pretty_exceptions_enable=False)


@app.callback()
def _group() -> None:
    """Keeps ``clicks`` a verb of its own while it is the only one."""


@app.command()
def clicks(
    index: Annotated[Path, typer.Option(help="The index of the tasks.", metavar="INDEX.json")],
    engine: Annotated[str, typer.Option(help="Its name; see `maskwright engines`.")] = "",
    limit: Annotated[int | None, typer.Option(min=1, help="Take that many evenly spaced tasks.")] = None,
    domain: Annotated[str | None, typer.Option(help="Only tasks of this domain.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Simulated clicks: how many it takes to reach an IoU of 0.80, 0.85 and 0.90."""
    with failures_as_sentences():
        from inference.evaluation.clicks import evaluate
        from inference.evaluation.index import BadIndex

        opened = open_engine(engine or registry.default_engine())
        with Progress(BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=stderr, transient=True) as bar:
            task = bar.add_task("clicks")
            try:
                result = evaluate(
                    opened,
                    index,
                    limit=limit,
                    domain=domain,
                    progress=lambda done, total: bar.update(task, completed=done, total=total),
                )
            except BadIndex as error:
                raise BadInput(str(error)) from None
        if json:
            print_json(result)
        else:
            for key, value in result.items():
                if key != "domains":
                    stderr.print(f"{key:>14}  {value}")
