"""The command ``maskwright``: bare paths open the window, verbs run headless (design.md §6)."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from desktop.cli import dataset_verbs, doctor, evaluate, segment
from desktop.cli.bench import bench
from desktop.cli.failures import failures_as_sentences

app = typer.Typer(
    name="maskwright",
    help="Annotate image data sets with masks. Without a verb, PROJECT, FOLDER or IMAGE… open in the window.",
    no_args_is_help=False,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.command("open", hidden=True)
def open_window(paths: Annotated[list[str] | None, typer.Argument()] = None) -> None:
    """Open the window with a project, a folder or images; what the command does without a verb."""
    with failures_as_sentences():
        from desktop.app import run

        raise typer.Exit(run(paths or [], {}))


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Where project, exports and screenshots go.")] = Path("demo-out"),
) -> None:
    """Annotate the sample photos in the real window by script, export, and compare with the ground truth."""
    with failures_as_sentences():
        from desktop.demo import run_demo

        raise typer.Exit(run_demo(out))


app.command()(segment.segment)
app.command()(dataset_verbs.new)
app.command()(dataset_verbs.info)
app.command("import")(dataset_verbs.import_)
app.command()(dataset_verbs.export)
app.command()(doctor.engines)
app.command()(doctor.doctor)
app.add_typer(evaluate.app, name="evaluate")
app.add_typer(bench, name="bench")

VERBS = frozenset(
    ("open", "demo", "segment", "new", "info", "import", "export", "engines", "doctor", "evaluate", "bench")
)


def main(arguments: list[str] | None = None) -> None:
    """Entry point. A first argument that is neither a verb nor an option is a path to open."""
    given = sys.argv[1:] if arguments is None else arguments
    options = {"-h", "--help"}
    if not given or (given[0] not in VERBS and given[0] not in options):
        given = ["open", *given]
    app(given, prog_name="maskwright")


if __name__ == "__main__":
    main()
