"""``maskwright weights list|fetch|add|verify|remove``: model weights on this computer and how to get them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from rich.table import Table

from desktop.cli.output import Exit, InputProblem, console, print_json, say
from desktop.settings import Settings
from inference import weights
from inference.engine import WeightsMissing
from inference.registry import engine_specs
from inference.weights import Entry, Located, NoWeights, fetching, keeping, readable
from inference.weights.transfer import FetchProblem

app = typer.Typer(help="Model weights on this computer, and how to get them. Only `fetch` uses the network.")
Json = Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")]
Name = Annotated[str, typer.Argument(help="A name of `maskwright weights list`, of weights or of a family.")]


@app.command("list")
def list_(as_json: Json = False) -> None:
    """What there is: on this computer and elsewhere. Reads tables of contents only; asks no server."""
    rows = [_row(entry) for entry in weights.catalogue().entries.values()]
    if as_json:
        print_json({"folder": str(weights.folder()), "weights": rows})
        return
    table = Table("weights", "for", "state", "size", "licence")
    for row in rows:
        state = "here" if row["path"] else f"{readable(row['partial'])} arrived" if row["partial"] else "–"
        table.add_row(row["name"], ", ".join(row["engines"]), state, row["size_text"] or "–", row["licence"])
    console.print(table)
    say(f"Model folder: {weights.folder()}")


@app.command()
def fetch(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask after the licence was shown.")] = False,
    alone: Annotated[bool, typer.Option("--alone", help="Without the other weights that it works with.")] = False,
    as_json: Json = False,
) -> None:
    """Download weights. An interrupted download goes on where it stopped when it is asked for again."""
    wanted = fetching.missing_entries(name)
    first = weights.catalogue().serving(name)[0]
    wanted = tuple(entry for entry in wanted if entry == first) if alone else wanted
    if not wanted:
        found = weights.locate(name)
        say(f"{found.entry.title} is here already: {found.path}")
    reason = fetching.offline_reason()
    if not reason and Settings().flag("general.offline"):
        reason = "The setting general.offline is on: nothing is downloaded."
    if wanted and reason:
        raise InputProblem(f"{reason} Add a file with `maskwright weights add FILE`.")
    for entry in wanted:
        _tell(entry)
    if wanted and not yes and sys.stdin.isatty() and not typer.confirm("Download?", err=True):
        raise typer.Exit(Exit.INTERRUPTED)
    done = [_fetch(entry) for entry in wanted]
    if as_json:
        print_json([_row(found.entry) for found in done])


@app.command()
def add(
    paths: Annotated[list[Path], typer.Argument(help="Files or folders with weights.")],
    copy: Annotated[
        bool, typer.Option("--copy", help="Copy into the model folder instead of using them there.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Use weights that are on this computer already. They are recognised by their tensors, whatever their names are."""
    found = [each for path in paths for each in keeping.add(path, copy)]
    for each in found:
        say(f"{each.entry.title} ({each.entry.name}): {each.path}")
    if as_json:
        print_json([{"name": each.entry.name, "path": str(each.path)} for each in found])


@app.command()
def verify(
    names: Annotated[list[str] | None, typer.Argument(help="Names; without one everything that is here.")] = None,
    as_json: Json = False,
) -> None:
    """Read weights to their end and compare them with the published checksums; exit code 1 when one is damaged."""
    known = weights.catalogue()
    if names:
        found = [weights.locate(name) for name in names]
    else:
        found = [each for name in known.entries if (each := weights.find(name)) is not None]
    rows: list[dict[str, Any]] = []
    for each in found:
        with _bar(each.entry.title, each.size) as advance:
            checks = keeping.verify(each, report=lambda done, of, advance=advance: advance(done, of))  # type: ignore[misc]
        for check in checks:
            say(f"{each.entry.name}: {check.path.name} {check.text}")
            rows.append(
                {
                    "name": each.entry.name,
                    "path": str(check.path),
                    "sha256": check.sha256,
                    "ok": check.ok,
                    "text": check.text,
                }
            )
    if not found:
        say("There are no weights on this computer.")
    if as_json:
        print_json(rows)
    raise typer.Exit(Exit.SOME_FAILED if any(row["ok"] is False for row in rows) else Exit.DONE)


@app.command()
def remove(name: Name, as_json: Json = False) -> None:
    """Delete downloaded weights, or look no longer at a place that was added. Nothing else is deleted."""
    if name in weights.catalogue().entries:
        entry = weights.catalogue().entry(name)
        partial = fetching.partial_bytes(entry)
        fetching.discard(entry)
        if partial and weights.find(name) is None:
            say(f"Deleted {readable(partial)} of an unfinished download.")
            return
    removal = keeping.remove(name)
    for path in removal.deleted:
        say(f"Deleted {path} ({readable(removal.bytes)}).")
    for path in removal.forgotten:
        say(f"{path} is no longer looked at; its files were left as they are.")
    if as_json:
        print_json({"deleted": list(map(str, removal.deleted)), "forgotten": list(map(str, removal.forgotten))})


def hints(error: WeightsMissing) -> list[str]:
    """What to do about missing weights, one line each."""
    entries = [weights.catalogue().entry(name) for name in error.names] if isinstance(error, NoWeights) else []
    lines = []
    for entry in entries:
        size = f"{entry.size_text}, " if entry.size_text else ""
        lines.append(f"Get it: maskwright weights fetch {entry.name}   ({size}licence: {entry.licence}; {entry.home})")
    return [
        *lines,
        "Or, when you have it: maskwright weights add FILE-OR-FOLDER",
        f"Model folder: {weights.folder()}",
    ]


def _row(entry: Entry) -> dict[str, Any]:
    found = weights.find(entry.name)
    engines = [spec.name for spec in engine_specs() if {entry.name, entry.family} & set(spec.weights)]
    return {
        "name": entry.name,
        "title": entry.title,
        "family": entry.family,
        "engines": engines,
        "size": found.size if found is not None else entry.size,
        "size_text": readable(found.size) if found is not None else entry.size_text,
        "licence": entry.licence,
        "home": entry.home,
        "path": str(found.path) if found is not None else None,
        "partial": fetching.partial_bytes(entry),
        "companions": list(entry.companions),
    }


def _tell(entry: Entry) -> None:
    size = f" ({entry.size_text})" if entry.size_text else ""
    say(f"{entry.title}{size} from {entry.repository or entry.files[0].url}")
    say(f"  to {weights.folder() / entry.name}")
    say(f"  Licence: {entry.licence}. {entry.notice}")


def _fetch(entry: Entry) -> Located:
    kept = fetching.partial_bytes(entry)
    if kept:
        say(f"Going on after {readable(kept)} that arrived before.")
    try:
        with _bar(entry.title, entry.size) as advance:
            found = fetching.fetch(entry, report=lambda progress: advance(progress.done, progress.total))
    except FetchProblem as error:
        say(f"maskwright: {error}")
        raise typer.Exit(Exit.SOME_FAILED) from None
    except KeyboardInterrupt:
        say(f"Interrupted; {readable(fetching.partial_bytes(entry))} are kept. Fetch again to go on.")
        raise
    say(f"{entry.title}: {found.path}")
    return found


@contextmanager
def _bar(title: str, total: int | None) -> Iterator[Callable[[int, int | None], None]]:
    """Bytes, speed and time left on stderr; nothing when it is no terminal."""
    columns = (
        TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(title, total=total)
        yield lambda done, of: bar.update(task, completed=done, total=of)
