"""The command ``maskwright``: bare paths open the window, everything else is headless (design.md §6)."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from typer.core import TyperGroup

from desktop.cli import bench, check, doctor, evaluate, features, prelabel, project, segment, serve, weights
from desktop.cli.output import Exit, InputProblem, say
from desktop.dataset.errors import DatasetError
from inference import __version__
from inference.engine import EngineError, WeightsMissing
from inference.evaluation.index import BadIndex

app = typer.Typer(
    name="maskwright", add_completion=False, no_args_is_help=False, pretty_exceptions_enable=False,
    help="Annotate image data sets with masks. Without a command: open the window with the given paths.",
)  # fmt: skip
app.command("segment")(segment.segment)
app.command("new")(project.new)
app.command("info")(project.info)
app.command("import")(project.import_)
app.command("export")(project.export)
app.command("check")(check.check)
app.command("features")(features.features)
app.command("prelabel")(prelabel.prelabel)
app.command("engines")(doctor.engines)
app.command("doctor")(doctor.doctor)
app.command("serve")(serve.serve)
app.add_typer(evaluate.app, name="evaluate")
app.add_typer(bench.app, name="bench")
app.add_typer(weights.app, name="weights")


def _tell_version(asked: bool) -> None:
    if asked:
        print(__version__)
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_tell_version, help="Show the version and exit.")
    ] = False,
) -> None:
    """What holds for every command."""


@app.command("open")
def open_(
    paths: Annotated[list[str] | None, typer.Argument(help="A project, folders or images.")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help="NAME=VALUE: a setting for this run.")] = None,
) -> None:
    """Open the window."""
    overrides: dict[str, str] = {}
    for each in set_ or ():
        name, separator, value = each.partition("=")
        if not separator:
            raise InputProblem(f"'{each}' is not of the form --set NAME=VALUE.")
        overrides[name] = value
    for path in paths or ():
        if not Path(path).exists():
            raise InputProblem(f"{path} does not exist.")
    from desktop.app import run

    raise typer.Exit(run(list(paths or ()), overrides))


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Where project, exports and screenshots go.")] = Path("demo-out"),
    engine: Annotated[str | None, typer.Option(help="Engine by name.")] = None,
) -> None:
    """The main job in the real window, scripted: prompt, refine, accept, export, compare with ground truth."""
    from desktop.demo import run_demo

    raise typer.Exit(run_demo(out, engine=engine))


def main(arguments: list[str] | None = None) -> None:
    """Entry point. Never returns: exits with a code of :class:`Exit`."""
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code; bad input ends in one sentence on stderr, never in a traceback."""
    command = typer.main.get_command(app)
    known = command.commands if isinstance(command, TyperGroup) else {}
    if not arguments or (arguments[0] not in known and not arguments[0].startswith("-")):
        arguments = ["open", *arguments]
    try:
        result = command.main(arguments, prog_name="maskwright", standalone_mode=False)
    except (typer.Abort, KeyboardInterrupt):
        return Exit.INTERRUPTED
    except typer.TyperException as error:
        say(f"maskwright: {error}")
        return Exit.WRONG_INPUT
    except WeightsMissing as error:
        say(f"maskwright: {error}")
        for line in weights.hints(error):
            say(line)
        return Exit.WEIGHTS_MISSING
    except (InputProblem, DatasetError, EngineError, BadIndex) as error:
        say(f"maskwright: {error}")
        return Exit.WRONG_INPUT
    return int(result) if isinstance(result, int) else Exit.DONE
