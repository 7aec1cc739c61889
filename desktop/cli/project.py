"""``maskwright new | info | import | export``: projects from the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from desktop.cli import values
from desktop.cli.output import Exit, InputProblem, console, print_json, progress_bar, say
from desktop.dataset import statistics
from desktop.dataset.changes import AddCategories, AddImages
from desktop.dataset.errors import DatasetError
from desktop.dataset.formats import registry
from desktop.dataset.images import probe, scan_folder
from desktop.dataset.model import Category, Image
from desktop.dataset.palette import class_colour
from desktop.dataset.store import Project

Json = Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")]
ProjectFile = Annotated[Path, typer.Argument(help="The project file, NAME.maskwright.")]


def new(
    project: ProjectFile,
    images: Annotated[list[Path], typer.Argument(help="Image files and folders.")],
    classes: Annotated[str, typer.Option(help="a,b,c or a file with one name a line.")] = "",
    as_json: Json = False,
) -> None:
    """Make a project of images."""
    names = values.names(classes) if classes else ()
    files = [file for path in images for file in (scan_folder(path) if path.is_dir() else [path])]
    if not files:
        raise InputProblem(f"No images were found in {', '.join(map(str, images))}.")
    failed: list[dict[str, str]] = []
    added: list[Image] = []
    with Project.create(project) as opened:
        with progress_bar("Images") as progress:
            for number, file in enumerate(files, 1):
                try:
                    pages = probe(file)
                except DatasetError as error:
                    failed.append({"file": str(file), "reason": str(error)})
                else:
                    path = opened.stored_path(file)
                    added.extend(
                        Image(opened.reserve_image_id(), path, page, *size, orientation=pages.orientation)
                        for page, size in enumerate(pages.sizes)
                    )
                progress(number, len(files))
        categories = tuple(
            Category(opened.reserve_category_id(), name, class_colour(position), position=position)
            for position, name in enumerate(names)
        )
        opened.apply(AddImages(tuple(added)), AddCategories(categories))
        saved_to = opened.path
    if as_json:
        print_json({"project": str(saved_to), "images": len(added), "classes": len(names), "failed": failed})
    say(f"{saved_to}: {len(added)} images, {len(names)} classes.")
    _report_failed(failed)


def info(project: ProjectFile, as_json: Json = False) -> None:
    """What is in a project and how far it is: the figures of the statistics page."""
    with Project.open(project, read_only=True) as opened:
        figures = statistics.read(opened)
        kinds = {category.id: str(category.kind) for category in opened.categories()}
        path = str(opened.path)
    unlabelled = sum(each.instances for each in figures.classes if each.id is None)
    if as_json:
        answer = statistics.as_json(figures)
        classes = [{**each, "kind": kinds[each["id"]]} for each in answer.pop("classes") if each["id"] is not None]
        states = {state: count for state, count in answer.pop("image_states").items() if count}
        print_json({"project": path, "states": states, "classes": classes, "unlabelled": unlabelled, **answer})
        return
    table = Table("class", "instances", "median s", "prompts", title=f"{path}: {figures.images} images")
    for each in figures.classes:
        effort = ("–" if value is None else f"{value:g}" for value in (each.seconds, each.prompts))
        style = "dim" if each.id is None else None
        table.add_row(each.name or "unlabelled", str(each.instances), *effort, style=style)
    console.print(table)
    for title, counts in (("Images", figures.image_states), ("Instances", figures.review_states)):
        say(f"{title}: " + ", ".join(f"{count} {state}" for state, count in counts.items() if count))
    say("Made by: " + ", ".join(f"{source} {count}" for source, count in figures.sources.items()))
    what = figures.suggestions
    say(f"Masks of engines: {what.masks_kept} kept, {what.masks_edited} edited by hand.")
    say(f"Suggested names: {what.names_kept} kept, {what.names_changed} changed.")


def import_(
    project: ProjectFile,
    source: Annotated[Path, typer.Argument(help="The file or folder to import.")],
    format: Annotated[str, typer.Option(help="Format by name.")] = "coco",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be imported, change nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Import annotations."""
    with Project.open(project, read_only=dry_run) as opened:
        if not dry_run and opened.read_only_reason:
            raise InputProblem(opened.read_only_reason)
        plan = registry.import_format(format).plan(opened, source, {})
        if not dry_run:
            opened.apply(*plan.changes)
    answer = {
        "images": [{"name": row.name, "new": row.new, "instances": row.instances} for row in plan.images],
        "classes": [
            {"name": row.name, "id": row.target, "action": str(row.action), "instances": row.instances}
            for row in plan.classes
        ],
        "instances": plan.instances,
        "rejected": [{"what": each.what, "reason": each.reason} for each in plan.rejected],
        "dry_run": dry_run,
    }
    if as_json:
        print_json(answer)
    verb = "would be imported" if dry_run else "imported"
    say(f"{plan.instances} instances on {len(plan.images)} images, {len(plan.classes)} classes {verb}.")
    _report_failed([{"file": each.what, "reason": each.reason} for each in plan.rejected])


def export(
    project: ProjectFile,
    format: Annotated[str, typer.Option(help="Format by name.")],
    out: Annotated[Path, typer.Option(help="The folder to write to.")],
    scope: Annotated[str, typer.Option(help="all, done or reviewed.")] = "all",
    option: Annotated[list[str] | None, typer.Option(help="NAME=VALUE, an option of the format.")] = None,
    as_json: Json = False,
) -> None:
    """Export annotations for training."""
    options: dict[str, str] = {"scope": scope}
    for each in option or ():
        name, separator, value = each.partition("=")
        if not separator:
            raise InputProblem(f"'{each}' is not of the form --option NAME=VALUE.")
        options[name.strip()] = value.strip()
    with Project.open(project, read_only=True) as opened, progress_bar("Export") as progress:
        report = registry.export_format(format).write(
            opened, out, options, lambda fraction, _file: progress(round(fraction * 100), 100)
        )
    answer = {
        "folder": str(report.folder),
        "files": list(report.files),
        "images": report.images,
        "instances": report.instances,
        "warnings": [{"file": each.file, "text": each.text} for each in report.warnings],
    }
    if as_json:
        print_json(answer)
    say(f"{report.instances} instances of {report.images} images exported to {report.folder}.")
    for warning in report.warnings:
        say(f"  {warning.file}: {warning.text}" if warning.file else f"  {warning.text}")


def _report_failed(failed: list[dict[str, str]]) -> None:
    for each in failed:
        say(f"  {each['file']}: {each['reason']}")
    if failed:
        raise typer.Exit(Exit.SOME_FAILED)
