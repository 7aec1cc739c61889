"""``maskwright new | info | import | export``: projects from the command line."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from desktop.cli import values
from desktop.cli.output import Exit, InputProblem, console, print_json, progress_bar, say
from desktop.dataset import statistics
from desktop.dataset.changes import AddCategories, AddImages
from desktop.dataset.errors import DatasetError
from desktop.dataset.formats import registry
from desktop.dataset.formats.contract import ExportFormat, Preflight, Problem
from desktop.dataset.formats.traits import Trait
from desktop.dataset.images import probe, scan_folder
from desktop.dataset.model import Category, Image
from desktop.dataset.palette import class_colour
from desktop.dataset.store import Project

Json = Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")]
Options = Annotated[list[str] | None, typer.Option(help="NAME=VALUE, an option of the format. Repeatable.")]
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
    images: Annotated[str, typer.Option(help="Folder of the image files.")] = "",
    map_: Annotated[
        list[str] | None,
        typer.Option("--map", help="NAME=CLASS: a class of the file as one of the project; NAME= skips."),
    ] = None,
    unknown_classes: Annotated[str, typer.Option(help="create or skip.")] = "create",
    option: Options = None,
    as_json: Json = False,
) -> None:
    """Import annotations."""
    mapped = {name: target or None for name, target in _pairs(map_, "--map NAME=CLASS").items()}
    options: dict[str, Any] = {"images": images, "unknown_classes": unknown_classes, "classes": mapped or None}
    options |= _pairs(option, "--option NAME=VALUE")
    with Project.open(project, read_only=dry_run) as opened:
        if not dry_run and opened.read_only_reason:
            raise InputProblem(opened.read_only_reason)
        with progress_bar("Import") as progress:
            plan = registry.import_format(format).plan(
                opened, source, options, lambda fraction, _file: progress(round(fraction * 100), 100)
            )
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
        "notes": _as_json(plan.notes),
        "dry_run": dry_run,
    }
    if as_json:
        print_json(answer)
    verb = "would be imported" if dry_run else "imported"
    say(f"{plan.instances} instances on {len(plan.images)} images, {len(plan.classes)} classes {verb}.")
    _say_problems(plan.notes)
    _report_failed([{"file": each.what, "reason": each.reason} for each in plan.rejected])


def export(
    project: ProjectFile,
    format: Annotated[str, typer.Option(help="Format by name.")],
    out: Annotated[Path, typer.Option(help="The folder to write to.")],
    scope: Annotated[str, typer.Option(help="all, done or reviewed.")] = "all",
    only: Annotated[
        list[str] | None, typer.Option(help="Only images whose path matches, for example 'train/*.jpg'. Repeatable.")
    ] = None,
    split: Annotated[str, typer.Option(help="none, seed or folder.")] = "none",
    shares: Annotated[str, typer.Option(help="Shares of a split by seed.")] = "train=0.8,val=0.2",
    seed: Annotated[int, typer.Option(help="Seed of the split.")] = 0,
    images: Annotated[str, typer.Option(help="Image files: leave, copy or link.")] = "leave",
    category_id: Annotated[list[str] | None, typer.Option(help="NAME=ID: the COCO id of a class. Repeatable.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace existing files.")] = False,
    option: Options = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be written, write nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Export annotations for training."""
    known = registry.export_format(format)
    options: dict[str, Any] = {
        "scope": scope,
        "split": split,
        "split_shares": shares,
        "split_seed": seed,
        "images": images,
        "overwrite": overwrite,
        **_pairs(option, "--option NAME=VALUE"),
    }
    with Project.open(project, read_only=True) as opened:
        if only:
            options["image_ids"] = [i.id for i in opened.images() if any(fnmatch(i.path, each) for each in only)]
        if category_id:
            options["category_ids"] = _category_ids(opened, _pairs(category_id, "--category-id NAME=ID"))
        if dry_run:
            _show_preflight(known, known.preflight(opened, out, options), as_json)
            return
        with progress_bar("Export") as progress:
            report = known.write(opened, out, options, lambda fraction, _file: progress(round(fraction * 100), 100))
    answer = {
        "folder": str(report.folder),
        "files": list(report.files),
        "images": report.images,
        "instances": report.instances,
        "warnings": _as_json(report.warnings),
    }
    if as_json:
        print_json(answer)
    say(f"{report.instances} instances of {report.images} images exported to {report.folder}.")
    _say_problems(report.warnings)


def _show_preflight(known: ExportFormat, found: Preflight, as_json: bool) -> None:
    not_kept = [str(trait) for trait in Trait if trait not in known.keeps]
    answer = {
        "images": found.images,
        "instances": found.instances,
        "classes": found.classes,
        "problems": _as_json(found.problems),
        "not_kept": not_kept,
        "files": list(found.files),
        "existing": list(found.existing),
    }
    if as_json:
        print_json(answer)
    say(f"{found.instances} instances of {found.images} images, {len(found.files)} files would be written.")
    say(f"  {known.title} does not keep: {', '.join(not_kept)}.")
    _say_problems(found.problems)
    for name in found.existing:
        say(f"  {name} exists already.")


def _category_ids(project: Project, by_name: dict[str, str]) -> dict[int, str]:
    """Exported ids by class id, from names."""
    known = {category.name: category.id for category in project.categories()}
    for name in by_name:
        if name not in known:
            raise InputProblem(f"There is no class '{name}' in {project.path.name}.")
    return {known[name]: value for name, value in by_name.items()}


def _pairs(texts: list[str] | None, form: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for each in texts or ():
        name, separator, value = each.partition("=")
        if not separator:
            raise InputProblem(f"'{each}' is not of the form {form}.")
        found[name.strip()] = value.strip()
    return found


def _as_json(problems: Sequence[Problem]) -> list[dict[str, str]]:
    return [{"file": each.file, "text": each.text} for each in problems]


def _say_problems(problems: Sequence[Problem]) -> None:
    for each in problems:
        say(f"  {each.file}: {each.text}" if each.file else f"  {each.text}")


def _report_failed(failed: list[dict[str, str]]) -> None:
    for each in failed:
        say(f"  {each['file']}: {each['reason']}")
    if failed:
        raise typer.Exit(Exit.SOME_FAILED)
