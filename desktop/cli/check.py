"""``maskwright check``: the quality rules from the command line."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from desktop.cli.output import Exit, InputProblem, console, print_json, progress_bar, say
from desktop.dataset.quality import DESCRIPTIONS, Finding, Limits, Rule
from desktop.dataset.quality import check as findings_of
from desktop.dataset.store import Project


def check(
    project: Annotated[Path, typer.Argument(help="The project file, NAME.maskwright.")],
    rule: Annotated[list[str] | None, typer.Option(help="Only this rule (may be repeated).")] = None,
    min_pixels: Annotated[int, typer.Option(min=0, help="The smallest object.")] = Limits().min_pixels,
    score: Annotated[float, typer.Option(min=0, max=1, help="Scores below this are listed.")] = Limits().score,
    files: Annotated[bool, typer.Option(help="Look at the image files too.")] = True,
    fix: Annotated[bool, typer.Option("--fix", help="Put right what can be put right without a person.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")] = False,
) -> None:
    """Check the annotations of a project; exit code 1 when something was found and is not fixed."""
    wanted = _rules(rule)
    limits = Limits(min_pixels=min_pixels, score=score)
    with Project.open(project, read_only=not fix) as opened:
        if fix and opened.read_only_reason:
            raise InputProblem(opened.read_only_reason)
        names = {image.id: image.path for image in opened.images()}
        with progress_bar("Checking") as advance:
            found = [
                finding
                for finding in findings_of(
                    opened, limits, files=files, progress=lambda part, _: advance(round(part * len(names)), len(names))
                )
                if finding.rule in wanted
            ]
        fixed = _fix(opened, found) if fix else set()
    left = [finding for number, finding in enumerate(found) if number not in fixed]
    if as_json:
        print_json(
            {
                "images": len(names),
                "counts": {str(r): n for r, n in sorted(Counter(f.rule for f in found).items())},
                "fixed": len(fixed),
                "findings": [
                    {
                        "rule": str(f.rule),
                        "image": names[f.image_id],
                        "instances": list(f.instance_ids),
                        "text": f.text,
                        "fixable": bool(f.fix),
                        "fixed": number in fixed,
                    }
                    for number, f in enumerate(found)
                ],
            }
        )
    else:
        _print(left, names)
    done = f", {len(fixed)} of them fixed" if fix else ""
    say(f"{len(found)} findings on {len(names)} images{done}.")
    if left:
        raise typer.Exit(Exit.SOME_FAILED)


def _rules(names: list[str] | None) -> set[Rule]:
    known = {str(rule) for rule in Rule}
    for name in names or ():
        if name not in known:
            raise InputProblem(f"There is no rule '{name}'; the rules are: {', '.join(sorted(known))}.")
    return {Rule(name) for name in names} if names else set(Rule)


def _fix(project: Project, found: list[Finding]) -> set[int]:
    """Fix in turn; a finding about an instance that an earlier fix changed waits for the next check."""
    touched: set[int] = set()
    fixed: set[int] = set()
    for number, finding in enumerate(found):
        if finding.fix and touched.isdisjoint(finding.instance_ids):
            project.apply(*finding.fix)
            touched.update(finding.instance_ids)
            fixed.add(number)
    return fixed


def _print(found: list[Finding], names: dict[int, str]) -> None:
    for rule in Rule:
        rows = [finding for finding in found if finding.rule is rule]
        if rows:
            table = Table("image", "finding", title=f"{DESCRIPTIONS[rule]} ({rule}): {len(rows)}", title_justify="left")
            for finding in rows:
                table.add_row(names[finding.image_id], finding.text)
            console.print(table)
