"""``maskwright engines`` and ``maskwright doctor``: what is here, and whether it works."""

from __future__ import annotations

import importlib.util
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import as_file
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.table import Table

from desktop.cli.failures import Exit, failures_as_sentences, print_json, stderr
from desktop.cli.segment import run
from desktop.dataset import images
from desktop.dataset.masks import Mask
from inference import registry
from inference.engine import Image
from inference.prompts import Box, PromptSet
from resources import resource

PACKAGES = (
    "maskwright", "PySide6-Essentials", "torch", "torchvision", "transformers", "diffusers", "segment-anything",
    "opencv-python-headless", "numpy", "pillow", "pycocotools",
)  # fmt: skip
QT_PROBE = """
from PySide6.QtGui import QGuiApplication
import PySide6.QtWidgets
print(QGuiApplication([]).platformName())
"""
SELF_TEST_IMAGE = "coins.jpg"
PROBE_SECONDS = 60

JsonFlag = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def engines(json: JsonFlag = False) -> None:
    """List the engines, what they take, and whether they are installed."""
    with failures_as_sentences():
        rows = [
            {
                "name": spec.name,
                "title": spec.title,
                "installed": registry.installed(spec.name),
                "default": spec.name == registry.default_engine(),
                "prompts": sorted(map(str, spec.prompts)),
                "capabilities": sorted(map(str, spec.capabilities)),
                "speed": str(spec.speed),
                "weights": list(spec.weights),
                "licence": spec.licence,
                "citation": spec.citation,
                "adds": spec.adds,
            }
            for spec in registry.engine_specs()
        ]
        if json:
            print_json({"engines": rows})
            return
        table = Table("engine", "state", "takes", "also", "speed", "licence")
        for row in rows:
            state = "installed" if row["installed"] else "not installed"
            takes, also = (", ".join(list(row[key])) for key in ("prompts", "capabilities"))  # type: ignore[call-overload]
            table.add_row(str(row["name"]), state, takes, also, str(row["speed"]), str(row["licence"]))
        stderr.print(table)


def doctor(json: JsonFlag = False) -> None:
    """Check this installation: versions, Qt, devices, engines, bundled files, and a segmentation."""
    with failures_as_sentences():
        checks = [_checked(name, check) for name, check in CHECKS]
        failed = [check for check in checks if not check["ok"]]
        if json:
            print_json({"ok": not failed, "checks": checks})
        else:
            for check in checks:
                mark = "[green]ok[/green]" if check["ok"] else "[red]failed[/red]"
                stderr.print(f"{mark} {check['name']}: ", end="")
                stderr.print(str(check["found"]), markup=False, highlight=False, soft_wrap=True)
        if failed:
            raise typer.Exit(Exit.SOME_FAILED)


def _checked(name: str, check: Callable[[], Any]) -> dict[str, Any]:
    try:
        return {"name": name, "ok": True, "found": check()}
    except Exception as error:  # a broken installation can fail in any way, and saying so is the point here
        return {"name": name, "ok": False, "found": str(error) or type(error).__name__}


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version(), "platform": platform.platform()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            if package != "maskwright":
                raise RuntimeError(f"The package {package} is not installed.") from None
            found[package] = "not installed as a package"
    return found


def _qt() -> str:
    """The Qt platform that a window would use; asked of another process because this one stays free of Qt."""
    done = subprocess.run(
        [sys.executable, "-c", QT_PROBE], capture_output=True, text=True, timeout=PROBE_SECONDS, check=False
    )
    if done.returncode == 0:
        return done.stdout.strip()
    lines = done.stderr.strip().splitlines()
    raise RuntimeError(lines[0] if lines else f"Qt ended with code {done.returncode}.")


def _device() -> str:
    """Asked of another process, because importing torch takes seconds and can fail hard."""
    code = "from inference.device import describe; d = describe(); print(d.name, d.reason, sep='|')"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=PROBE_SECONDS, check=False
    )
    if done.returncode != 0:
        raise RuntimeError((done.stderr.strip().splitlines() or ["torch cannot be loaded."])[-1])
    name, _, reason = done.stdout.strip().splitlines()[-1].partition("|")
    return f"{name} ({reason})" if reason else name


def _engines() -> dict[str, str]:
    specs = registry.engine_specs()
    if not specs:
        raise RuntimeError("No engine is registered.")
    return {spec.name: "installed" if registry.installed(spec.name) else "not installed" for spec in specs}


def _resources() -> dict[str, int]:
    found = {"sample images": sum(1 for f in resource("sample", "images").iterdir() if f.name.endswith(".jpg"))}
    if resource("icons").is_dir():
        found["icons"] = sum(1 for f in resource("icons").iterdir() if f.name.endswith(".svg"))
    if not all(found.values()):
        raise RuntimeError(f"Bundled files are missing: {found}.")
    return found


def _masks() -> str:
    pixels = np.zeros((7, 9), np.bool_)
    pixels[1:6, 2:8] = True
    pixels[3, 4] = False
    mask = Mask.from_array(pixels)
    if Mask.from_rle(mask.rle()) != mask or Mask.from_parts(mask.parts(), 9, 7) != mask:
        raise RuntimeError("A mask did not survive run lengths and polygons.")
    return "pixels, run lengths and polygons agree"


def _segmentation() -> str:
    with as_file(resource("sample", "images", SELF_TEST_IMAGE)) as file:
        loaded = images.load(file)
    whole = Box(loaded.width * 0.25, loaded.height * 0.25, loaded.width * 0.75, loaded.height * 0.75)
    image = Image(loaded.pixels, loaded.content_hash)
    result = run("classic", image, PromptSet((whole,)), (), 0)
    if not result["candidates"] or not result["candidates"][0]["area"]:
        raise RuntimeError("The classic engine found nothing in the sample image.")
    return f"classic: {result['candidates'][0]['area']} pixels in {result['ms']['segment']:.0f} ms"


def _temporary_folder() -> str:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "사진 (1) ü.txt").write_text("x", "utf-8")
    return tempfile.gettempdir()


CHECKS: list[tuple[str, Callable[[], Any]]] = [
    ("versions", _versions),
    ("qt platform", _qt),
    ("device", _device),
    ("engines", _engines),
    ("bundled files", _resources),
    ("temporary folder", _temporary_folder),
    ("masks", _masks),
    ("segmentation", _segmentation),
]


def _weights_folder() -> str:
    """Where engines look for weights; the module comes with the first engine that needs any."""
    from importlib import import_module

    return str(import_module("inference.weights").folder())


if importlib.util.find_spec("inference.weights") is not None:
    CHECKS.insert(4, ("weights folder", _weights_folder))
