"""``maskwright new``, ``info``, ``import`` and ``export``: projects without the window."""

from __future__ import annotations

from collections import Counter
from json import JSONDecodeError, loads
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
from rich.table import Table

from desktop.cli import values
from desktop.cli.failures import BadInput, Exit, failures_as_sentences, print_json, stderr
from desktop.dataset import images
from desktop.dataset.changes import AddCategories, AddImages
from desktop.dataset.errors import ImageReadError, ProjectError
from desktop.dataset.formats.contract import ImportPlan, Problem, Scope
from desktop.dataset.formats.registry import export_format, import_format
from desktop.dataset.model import Category, Image
from desktop.dataset.palette import class_colour
from desktop.dataset.store import Project
from desktop.dataset.writer import SaveStatus

JsonFlag = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
ProjectPath = Annotated[Path, typer.Argument(help="The project file.")]
OPTION_HELP = "NAME=VALUE, an option of the format; may be repeated."


def new(
    project: Annotated[Path, typer.Argument(help="The project file to make.")],
    image_paths: Annotated[list[Path], typer.Argument(metavar="IMAGES…", help="Image files and folders of them.")],
    classes: Annotated[
        str, typer.Option(help="Class names, or a file with one on each line.", metavar="FILE|a,b,c")
    ] = "",
    json: JsonFlag = False,
) -> None:
    """Make a project of images."""
    with failures_as_sentences():
        names = _class_names(classes)
        files = _image_files(image_paths)
        failed: list[Problem] = []
        with Project.create(project) as opened:
            added: list[Image] = []
            for file in files:
                try:
                    found = images.probe(file)
                except ImageReadError as error:
                    failed.append(Problem(str(error), str(file)))
                    continue
                for page, (width, height) in enumerate(found.sizes):
                    stored = opened.stored_path(file)
                    number = opened.reserve_image_id()
                    added.append(Image(number, stored, page, width, height, found.orientation))
            if added:
                opened.apply(AddImages(tuple(added)))
            if names:
                made = (
                    Category(opened.reserve_category_id(), name, class_colour(n), position=n)
                    for n, name in enumerate(names)
                )
                opened.apply(AddCategories(tuple(made)))
            _save(opened)
            path = opened.path
        result = {"project": str(path), "images": len(added), "classes": len(names), "failed": _problems(failed)}
        _answer(result, f"{path.name}: {len(added)} images, {len(names)} classes", failed, json)
        if failed:
            raise typer.Exit(Exit.SOME_FAILED)


def info(project: ProjectPath, json: JsonFlag = False) -> None:
    """Say what a project holds."""
    with failures_as_sentences(), Project.open(project, read_only=True) as opened:
        by_class = opened.counts_by_category()
        all_images = opened.images()
        result: dict[str, Any] = {
            "project": str(opened.path),
            "images": len(all_images),
            "states": dict(Counter(str(image.state) for image in all_images)),
            "missing": [i.path for i in all_images if not opened.image_path(i).exists()],
            "instances": sum(by_class.values()),
            "unlabelled": by_class.get(None, 0),
            "classes": [
                {"id": c.id, "name": c.name, "kind": str(c.kind), "instances": by_class.get(c.id, 0)}
                for c in opened.categories()
            ],
        }
        if json:
            print_json(result)
            return
        table = Table("class", "id", "kind", "instances", title=opened.path.name)
        for row in result["classes"]:
            table.add_row(row["name"], str(row["id"]), row["kind"], str(row["instances"]))
        table.add_row("unlabelled", "", "", str(result["unlabelled"]))
        stderr.print(table)
        states = ", ".join(f"{count} {state}" for state, count in result["states"].items())
        stderr.print(f"{result['images']} images ({states or 'none'}), {len(result['missing'])} files missing")


def import_(
    project: ProjectPath,
    source: Annotated[Path, typer.Argument(metavar="SRC", help="The annotation file.")],
    format: Annotated[str, typer.Option(help="The format of SRC: coco.")],
    option: Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE", help=OPTION_HELP)] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be imported.")] = False,
    json: JsonFlag = False,
) -> None:
    """Import annotations into a project."""
    with failures_as_sentences():
        chosen = import_format(format)
        with Project.open(project) as opened:
            _must_be_writable(opened)
            plan = chosen.plan(opened, source, _options(option))
            if not dry_run:
                opened.apply(*plan.changes)
                _save(opened)
        if json:
            print_json(_plan_json(plan, dry_run))
        else:
            _print_plan(plan, dry_run)
        if plan.rejected:
            raise typer.Exit(Exit.SOME_FAILED)


def export(
    project: ProjectPath,
    format: Annotated[str, typer.Option(help="coco or mask-png.")],
    out: Annotated[Path, typer.Option(help="The folder to write to.")],
    scope: Annotated[Scope, typer.Option(help="Which images.")] = Scope.ALL,
    option: Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE", help=OPTION_HELP)] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that exist.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be written.")] = False,
    json: JsonFlag = False,
) -> None:
    """Export a project's annotations."""
    with failures_as_sentences(), Project.open(project, read_only=True) as opened:
        chosen = export_format(format)
        options = {**_options(option), "scope": scope, "overwrite": overwrite}
        if dry_run:
            before = chosen.preflight(opened, out, options)
            result = {
                "images": before.images,
                "instances": before.instances,
                "classes": before.classes,
                "files": list(before.files),
                "existing": list(before.existing),
                "warnings": _problems(before.problems),
            }
            summary = f"{len(before.files)} files would be written, {len(before.existing)} of them exist"
            _answer(result, summary, before.problems, json)
            return
        columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
        with Progress(*columns, console=stderr, transient=True) as bar:
            task = bar.add_task("Exporting", total=1.0)
            report = chosen.write(
                opened, out, options, lambda fraction, name: bar.update(task, completed=fraction, description=name)
            )
        result = {
            "folder": str(report.folder),
            "files": list(report.files),
            "images": report.images,
            "instances": report.instances,
            "warnings": _problems(report.warnings),
        }
        summary = (
            f"{report.instances} instances of {report.images} images in {len(report.files)} files: {report.folder}"
        )
        _answer(result, summary, report.warnings, json)


def _class_names(text: str) -> tuple[str, ...]:
    file = Path(text)
    if text and file.is_file():
        try:
            return values.names(file.read_text("utf-8-sig").replace("\n", ","))
        except UnicodeDecodeError:
            raise BadInput(f"{file.name} is not UTF-8 text.") from None
    if text.endswith(".txt"):
        raise BadInput(f"{text} was not found.")
    return values.names(text)


def _image_files(paths: list[Path]) -> list[Path]:
    files: list[Path] = []
    for path in paths:
        if not path.exists():
            raise BadInput(f"{path} was not found.")
        files += images.scan_folder(path) if path.is_dir() else [path]
    if not files:
        raise BadInput(f"There is no image in {', '.join(map(str, paths))}.")
    return list(dict.fromkeys(files))


def _options(given: list[str] | None) -> dict[str, Any]:
    """``NAME=VALUE`` pairs; a value that is a JSON object or list is taken as such (``category_ids={"1": 7}``)."""
    options: dict[str, Any] = {}
    for text in given or ():
        name, sign, value = text.partition("=")
        if not sign:
            raise BadInput(f"--option is NAME=VALUE, not '{text}'.")
        try:
            options[name.strip().replace("-", "_")] = loads(value) if value[:1] in ("{", "[") else value
        except JSONDecodeError:
            raise BadInput(f"The value of --option {name} is not complete JSON: {value}") from None
    return options


def _must_be_writable(project: Project) -> None:
    if project.read_only:
        raise BadInput(f"{project.path.name} cannot be changed: {project.read_only_reason}.")


def _save(project: Project) -> None:
    state = project.flush()
    if state.status is not SaveStatus.SAVED:
        raise ProjectError(state.sentence or f"{project.path.name} could not be saved.")


def _problems(problems: tuple[Problem, ...] | list[Problem]) -> list[dict[str, str]]:
    return [{"file": problem.file, "text": problem.text} for problem in problems]


def _answer(result: dict[str, Any], summary: str, problems: tuple[Problem, ...] | list[Problem], json: bool) -> None:
    for problem in problems:
        start = f"{problem.file}: " if problem.file and problem.file not in problem.text else ""
        stderr.print(f"{start}{problem.text}", markup=False, highlight=False, soft_wrap=True)
    if json:
        print_json(result)
    else:
        stderr.print(summary, markup=False, highlight=False, soft_wrap=True)


def _plan_json(plan: ImportPlan, dry_run: bool) -> dict[str, Any]:
    return {
        "dry_run": dry_run,
        "instances": plan.instances,
        "images": [{"name": r.name, "id": r.image_id, "new": r.new, "instances": r.instances} for r in plan.images],
        "classes": [
            {"id": r.file_id, "name": r.name, "action": str(r.action), "target": r.target, "instances": r.instances}
            for r in plan.classes
        ],
        "rejected": [{"what": r.what, "reason": r.reason} for r in plan.rejected],
    }


def _print_plan(plan: ImportPlan, dry_run: bool) -> None:
    table = Table("class in the file", "what happens", "id in the project", "instances", title=plan.source.name)
    for row in plan.classes:
        table.add_row(row.name, str(row.action), str(row.target or ""), str(row.instances))
    stderr.print(table)
    for rejected in plan.rejected:
        stderr.print(f"{rejected.what}: {rejected.reason}", markup=False, highlight=False, soft_wrap=True)
    done = "would be imported" if dry_run else "imported"
    new = sum(row.new for row in plan.images)
    images_found = f"{len(plan.images)} images ({new} new)"
    stderr.print(f"{plan.instances} instances on {images_found} {done}, {len(plan.rejected)} items rejected")
