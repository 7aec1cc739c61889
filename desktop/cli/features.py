"""``maskwright features``: what an engine sees of every image of a project, computed beforehand and kept on disk."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from desktop.cli.output import Exit, InputProblem, print_json, progress_bar, say
from desktop.dataset import images
from desktop.dataset.errors import DatasetError
from desktop.dataset.images import scan_folder
from desktop.dataset.store import SUFFIX, Project
from desktop.settings import Settings
from inference.engine import Engine, Image, silent
from inference.feature_disk import features_folder
from inference.features import Budgets, FeatureCache, FeatureKey, RestoresFeatures, StorableFeatures
from inference.registry import create_engine

MB = 2**20


def features(
    project: Annotated[Path, typer.Argument(help="The project file, or a folder of images.")],
    engine: Annotated[str, typer.Option(help="Engine by name; see `maskwright engines`.")],
    budget_mb: Annotated[
        int | None, typer.Option("--budget", help="MB on disk; default: the setting memory.features_disk_mb.", min=1)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")] = False,
) -> None:
    """Look at all images with an engine now, so that opening them later waits for nothing.

    Finished images are kept when it is interrupted; the next run goes on with the others.
    """
    files = _files(project)
    loaded = create_engine(engine)
    title = loaded.spec.title
    if not isinstance(loaded, RestoresFeatures):
        raise InputProblem(f"{title} keeps no features on disk: it is as quick to compute them again.")
    settings = Settings()
    budget = (budget_mb or settings.number("memory.features_disk_mb")) * MB
    if not budget:
        raise InputProblem("The setting memory.features_disk_mb is 0: no features are kept on disk. Give --budget MB.")
    budgets = Budgets(0, 0, budget, str(features_folder()), frozenset({loaded.spec.name}))
    cache = FeatureCache(budgets)
    computed = already = 0
    failed: list[dict[str, str]] = []
    keys: list[FeatureKey] = []
    started = time.perf_counter()
    try:
        with progress_bar(title) as progress:
            for number, (file, page) in enumerate(files, 1):
                try:
                    picture = images.load(file, page)
                except DatasetError as error:
                    failed.append({"file": str(file), "reason": str(error)})
                    continue
                key = FeatureKey(loaded.spec.name, loaded.fingerprint, picture.content_hash)
                keys.append(key)
                if cache.is_on_disk(key):
                    already += 1
                else:
                    _compute(loaded, Image(picture.pixels, picture.content_hash), key, cache)
                    computed += 1
                progress(number, len(files))
        kept = sum(map(cache.is_on_disk, keys))
        used = cache.counters().disk_bytes
    finally:
        cache.close()
        say(f"{title}: {computed} computed, {already} were there, {len(failed)} failed.")
    answer = {
        "engine": loaded.spec.name, "images": len(files), "computed": computed, "already": already, "kept": kept,
        "failed": failed, "seconds": round(time.perf_counter() - started, 2), "disk_bytes": used,
    }  # fmt: skip
    if as_json:
        print_json(answer)
    for each in failed:
        say(f"  {each['file']}: {each['reason']}")
    if kept < len(keys):
        say(
            f"Only {kept} of {len(keys)} fit into {budget // MB} MB; the others were dropped again. Give more --budget."
        )
    raise typer.Exit(Exit.SOME_FAILED if failed or kept < len(keys) else Exit.DONE)


def _compute(engine: Engine, image: Image, key: FeatureKey, cache: FeatureCache) -> None:
    begun = time.perf_counter()
    found = engine.encode(image, silent)
    if not isinstance(found, StorableFeatures):
        raise InputProblem(f"{engine.spec.title} keeps no features on disk: it is as quick to compute them again.")
    cache.put(key, found, (time.perf_counter() - begun) * 1000)


def _files(project: Path) -> list[tuple[Path, int]]:
    """(file, page) of every image of a project or folder."""
    if project.is_dir():
        return [(file, 0) for file in scan_folder(project)]
    if project.suffix != SUFFIX:
        raise InputProblem(f"{project} is neither a project file ({SUFFIX}) nor a folder.")
    with Project.open(project, read_only=True) as opened:
        return [(opened.image_path(image), image.page) for image in opened.images()]
