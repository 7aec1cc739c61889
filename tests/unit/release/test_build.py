"""What the frozen build is made of: files of the spec, modules loaded by name, icons, the bill of materials."""

from __future__ import annotations

import ast
import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from PIL import Image

from desktop.cli import alone
from inference import __version__, worker

ROOT = Path(__file__).parents[3]
PACKAGING = ROOT / "packaging"
SPEC = PACKAGING / "maskwright.spec"

FREE = re.compile(
    r"MIT|BSD|Apache|ISC|PSF|Python Software Foundation|MPL|Mozilla|LGPL|Zlib|0BSD|CC0|HPND|FreeBSD|Unlicense|CNRI|BSL"
)
NOT_IN_THE_FROZEN_PROGRAM = re.compile(r"NVIDIA", re.IGNORECASE)
SAY_NOTHING = {
    "segment-anything": "Apache-2.0 by its repository",
    "cuda-toolkit": "only names other packages",
}
"""Distributions that state no licence in their metadata, and what is known of it."""


def loaded(name: str) -> ModuleType:
    """A script of ``packaging/`` as a module."""
    spec = importlib.util.spec_from_file_location(name, PACKAGING / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def constant(name: str) -> Any:
    """A literal that the spec assigns."""
    for node in ast.parse(SPEC.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
            return ast.literal_eval(node.value)
    raise KeyError(name)


def test_the_data_files_of_the_spec_exist_and_cover_what_the_program_reads() -> None:
    text = SPEC.read_text(encoding="utf-8")
    named = re.findall(r'\(str\(ROOT((?: / "[^"]+")+)\), "([^"]+)"\)', text)
    targets = {}
    for path, target in named:
        file = ROOT.joinpath(*re.findall(r'"([^"]+)"', path))
        assert file.exists(), file
        targets[file.relative_to(ROOT).as_posix()] = target
    assert targets["inference/weights.toml"] == "inference"
    assert targets["resources"] == "resources"


def test_nothing_that_the_program_loads_at_the_start_is_left_out() -> None:
    code = (
        "import sys, desktop.cli.main, desktop.app, inference.worker, inference.registry as r; r.engine_specs();"
        "print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=120
    )
    imported = set(done.stdout.split())
    left_out = set(constant("LEFT_OUT"))
    assert not {name for name in imported if name in left_out or name.partition(".")[0] in left_out}


def test_the_worker_is_the_first_thing_the_frozen_program_asks_for() -> None:
    body = ast.parse((PACKAGING / "entry.py").read_text(encoding="utf-8")).body
    lines = [ast.unparse(node) for node in body[1:]]
    assert lines.index("worker.run_if_asked(sys.argv)") < min(n for n, line in enumerate(lines) if "desktop" in line)


def test_a_frozen_program_starts_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    from inference import add_on, backends

    monkeypatch.setattr(add_on, "python", lambda: None)
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    command, _ = backends._start()
    assert command == [sys.executable, worker.FLAG]
    assert alone.command("desktop.bench_startup") == [sys.executable, alone.FLAG, "desktop.bench_startup"]


def test_only_modules_made_for_it_run_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []
    monkeypatch.setattr(alone.runpy, "run_module", lambda name, run_name: ran.append(f"{name} as {run_name}"))
    alone.run_if_asked(["maskwright", alone.FLAG, "antigravity"])
    alone.run_if_asked(["maskwright", "photos"])
    assert ran == []
    with pytest.raises(SystemExit):
        alone.run_if_asked(["maskwright", alone.FLAG, "inference.probe_device"])
    assert ran == ["inference.probe_device as __main__"]


@pytest.mark.usefixtures("qapp")
def test_the_icon_set_is_drawn_in_every_size(tmp_path: Path) -> None:
    icons = loaded("icons")
    files = icons.draw(tmp_path)
    drawn = {Image.open(file).size[0] for file in files if file.suffix == ".png"}
    assert drawn == set(icons.SIZES)
    with Image.open(tmp_path / "hicolor" / "48x48" / "apps" / "maskwright.png") as icon:
        alpha = icon.convert("RGBA").getchannel("A")
        assert alpha.getextrema() == (0, 255)  # a shape on nothing
    with Image.open(tmp_path / "maskwright.ico") as icon:
        assert {(size, size) for size in icons.WINDOWS_SIZES} == set(icon.info["sizes"])
    with Image.open(tmp_path / "maskwright.icns") as icon:
        assert icon.size[0] >= 512


def test_every_dependency_has_a_licence_that_may_be_used() -> None:
    sbom = loaded("sbom")
    for found in sbom.closure("maskwright"):
        stated = sbom.licence(found)
        if found.name in SAY_NOTHING:
            continue
        assert FREE.search(stated) or NOT_IN_THE_FROZEN_PROGRAM.search(stated), f"{found.name}: '{stated}'"


def test_the_bill_of_materials_names_each_part_once() -> None:
    sbom = loaded("sbom")
    bill = sbom.document(sbom.closure("maskwright"), __version__)
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    assert bill["metadata"]["component"]["version"] == __version__
    names = [part["name"] for part in bill["components"]]
    assert len(names) == len(set(names))
    assert {"torch", "numpy", "pillow", "pyside6-essentials"} <= set(names)
    assert all(part["purl"] == f"pkg:pypi/{part['name']}@{part['version']}" for part in bill["components"])


def test_modules_lead_to_the_distributions_they_come_from() -> None:
    sbom = loaded("sbom")
    assert {found.name.lower() for found in sbom.of_modules(["cv2", "PIL", "desktop"])} == {
        "opencv-python-headless", "pillow",
    }  # fmt: skip
