"""``maskwright engines | doctor``: what is installed, and whether it works here."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated, Any

import numpy as np
import platformdirs
import typer
from rich.table import Table

from desktop.cli import alone
from desktop.cli.output import Exit, console, print_json, say
from desktop.dataset.masks import Mask
from inference import __version__, add_on
from inference.engine import EngineError, Image, silent
from inference.prompts import Box, PromptSet
from inference.registry import create_engine, default_engine, engine_specs, installed
from resources import resource

PACKAGES = (
    "PySide6-Essentials", "torch", "torchvision", "transformers", "diffusers", "segment-anything",
    "opencv-python-headless", "pillow", "numpy", "pycocotools",
)  # fmt: skip
PROBE_SECONDS = 60
IN_ADD_ON = ("-P", "-m", "inference.probe_device")
Json = Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")]


def engines(as_json: Json = False) -> None:
    """The engines, what they take, and whether they can be used now."""
    rows = [
        {
            "name": spec.name,
            "title": spec.title,
            "installed": installed(spec.name),
            "default": spec.name == default_engine(),
            "prompts": sorted(str(kind) for kind in spec.prompts),
            "capabilities": sorted(str(capability) for capability in spec.capabilities),
            "speed": str(spec.speed),
            "weights": list(spec.weights),
            "licence": spec.licence,
        }
        for spec in engine_specs()
    ]
    if as_json:
        print_json(rows)
        return
    table = Table("engine", "state", "takes", "speed", "licence")
    for row in rows:
        state = "ready" if row["installed"] else "weights missing"
        table.add_row(str(row["title"]), state, ", ".join(row["prompts"]), str(row["speed"]), str(row["licence"]))  # type: ignore[arg-type]
    console.print(table)


def doctor(as_json: Json = False) -> None:
    """Versions, window system, devices, folders, and a self-test; exit code 1 when something does not work."""
    checks = [
        _check("masks", _check_masks),
        _check("resources", _check_resources),
        _check("engine", _check_engine),
        _check("window", lambda: _probe("desktop.probe_window", _offscreen_without_display())),
        _check("device", lambda: _probe("inference.probe_device", {})),
    ]
    if add_on.folder() is not None:
        checks.append(_check("add-on", _check_add_on))
    answer = {
        "version": __version__,
        "python": platform.python_version(),
        "system": platform.platform(),
        "packages": {name: _version(name) for name in PACKAGES},
        "folders": {
            "data": platformdirs.user_data_dir("maskwright"),
            "state": platformdirs.user_state_dir("maskwright"),
            "weights": os.environ.get("MASKWRIGHT_WEIGHTS_DIR", platformdirs.user_data_dir("maskwright") + "/weights"),
        },
        "checks": checks,
        "ok": all(check["ok"] for check in checks),
    }
    if as_json:
        print_json(answer)
    else:
        say(f"Maskwright {__version__}, Python {answer['python']} on {answer['system']}")
        for name, found in answer["packages"].items():  # type: ignore[attr-defined]
            say(f"  {name} {found}")
        for check in checks:
            say(f"{'ok    ' if check['ok'] else 'FAILED'} {check['name']}: {check['message']}")
    if not answer["ok"]:
        raise typer.Exit(Exit.SOME_FAILED)


def _check(name: str, run: Callable[[], str]) -> dict[str, Any]:
    try:
        return {"name": name, "ok": True, "message": run()}
    except Exception as error:  # whatever is wrong with this machine is what doctor reports
        return {"name": name, "ok": False, "message": f"{type(error).__name__}: {error}"}


def _check_masks() -> str:
    pixels = np.zeros((48, 64), np.bool_)
    pixels[8:30, 10:40] = True
    pixels[14:20, 16:24] = False
    if not np.array_equal(Mask.from_rle(Mask.from_array(pixels).rle()).to_array(), pixels):
        raise AssertionError("a mask changed on its way through run lengths")
    return "run lengths round-trip"


def _check_resources() -> str:
    photos = [file.name for file in resource("sample", "images").iterdir()]
    icons = [file.name for file in resource("icons").iterdir()]
    if not photos or not icons:
        raise FileNotFoundError("sample photos or icons are missing from the installation")
    return f"{len(photos)} sample photos, {len(icons)} icons"


def _check_engine() -> str:
    pixels = np.full((96, 96, 3), 40, np.uint8)
    pixels[30:70, 24:66] = (220, 180, 60)
    engine = create_engine("classic")
    features = engine.encode(Image(pixels, "doctor"), silent)
    answer = engine.segment(features, PromptSet((Box(20, 26, 70, 74),)), None, silent)
    area = int(answer.candidates[0].mask().sum())
    if not 0.8 < area / (40 * 42) < 1.25:
        raise AssertionError(f"a plain rectangle of 1680 pixels was segmented as {area}")
    return "Classic segments a test picture"


def _probe(module: str, extra: dict[str, str]) -> str:
    """Run ``module`` in a process of its own, so that a broken Qt or torch cannot take this one along."""
    return _answer(alone.command(module), {**os.environ, **extra})


def _check_add_on() -> str:
    """What the environment is in which the window's engines run; to have none is well."""
    interpreter, place = add_on.python(), add_on.folder()
    if interpreter is not None:
        found = _answer([str(interpreter), *IN_ADD_ON], add_on.child_environment(os.environ))
        return f"{place}, {found}"
    if place is not None and add_on.version_in(place):
        raise EngineError(add_on.remedy())
    return f"none. {add_on.remedy()}"


def _answer(command: list[str], variables: dict[str, str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=PROBE_SECONDS, env=variables)
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip() and not line.startswith("[PYI-")]
        raise RuntimeError(lines[-1] if lines else f"exit code {done.returncode}")
    found = json.loads(done.stdout.strip().splitlines()[-1])
    return ", ".join(f"{key} {value}" for key, value in found.items() if value not in ("", []))


def _offscreen_without_display() -> dict[str, str]:
    shown = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or not sys.platform.startswith("linux")
    return {} if shown else {"QT_QPA_PLATFORM": "offscreen"}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
