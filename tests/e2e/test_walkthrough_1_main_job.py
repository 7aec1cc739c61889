"""Walk-through 1 of ux.md §22: fresh profile, no network, no weights."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
from PIL import Image as PillowImage
from pycocotools.coco import COCO

from desktop.dataset.store import Project
from desktop.scripted_person import ScriptedPerson
from tests.command_line import run
from tests.e2e.conftest import OpenPerson


def export(person: ScriptedPerson, format_name: str, folder: Path) -> None:
    job = person.workspace.export(format_name, folder, {})
    person.wait(lambda: not next(j for j in person.workspace.jobs if j.id == job).active, f"{format_name} is exported")
    state = next(j for j in person.workspace.jobs if j.id == job)
    assert str(state.state) == "done", state.message


def test_click_accept_brush_undo_export_import(photos: Path, tmp_path: Path, open_person: OpenPerson) -> None:
    person = open_person([photos])
    workspace = person.workspace
    assert len(workspace.images) == 3
    assert not list(photos.glob("*.maskwright")), "browsing must not write"

    person.go_to("val2017_000000000285.jpg")
    workspace.set_current_category(workspace.add_category("bear"))
    person.canvas.set_tool("point")
    person.click(290, 330)
    shown = person.answer()
    assert shown[330, 290]
    bear = person.accept()
    assert np.array_equal(workspace.instances[bear].mask.to_array(), shown)
    assert workspace.instances[bear].provenance.source == "classic"

    workspace.select([bear])
    person.canvas.set_tool("brush")
    for row in (20, 40, 60):
        before = workspace.instances[bear].mask.area
        person.drag([(20, row), (60, row), (100, row)])
        assert workspace.instances[bear].mask.area > before
    painted = workspace.instances[bear].mask
    for _ in range(3):
        person.key("Ctrl+Z")
    assert np.array_equal(workspace.instances[bear].mask.to_array(), shown)
    for _ in range(3):
        person.key("Ctrl+Shift+Z")
    assert workspace.instances[bear].mask == painted

    export(person, "coco", tmp_path / "coco")
    export(person, "mask-png", tmp_path / "masks")
    truth = {bear: painted.to_array()}
    workspace.save_now()

    (coco_file,) = (tmp_path / "coco").rglob("*.json")
    loaded = COCO(str(coco_file))
    assert {a["id"]: a["category_id"] for a in loaded.loadAnns(loaded.getAnnIds())} == {bear: 1}
    for annotation in loaded.loadAnns(loaded.getAnnIds()):
        assert np.array_equal(loaded.annToMask(annotation).astype(bool), truth[annotation["id"]])
    semantic = [path for path in (tmp_path / "masks").rglob("*.png") if "semantic" in path.as_posix()]
    indexed = PillowImage.open(next(p for p in semantic if "285" in p.name))
    assert indexed.mode == "P"
    legend = next((tmp_path / "masks").rglob("classes.csv")).read_text(encoding="utf-8")
    index = next(int(line.split(",")[0]) for line in legend.splitlines()[1:] if ",bear," in line)
    assert np.array_equal(np.asarray(indexed) == index, truth[bear])

    again = tmp_path / "again.maskwright"
    assert run(["new", str(again), str(photos)]) == 0
    assert run(["import", str(again), "--format", "coco", str(coco_file)]) == 0
    with Project.open(again, read_only=True) as project:
        (instance,) = project.all_instances()
        assert instance.mask == painted
        assert project.category(instance.category_id or 0).name == "bear"
    assert json.loads(coco_file.read_text(encoding="utf-8"))["annotations"]


def test_the_window_never_loads_torch(photos: Path, open_person: OpenPerson) -> None:
    """In a process of its own, because other tests of this run may have loaded it."""
    import subprocess

    code = f"""
import sys
from desktop.app import create_application, create_window
from desktop.scripted_person import ScriptedPerson
app = create_application(["maskwright"])
window = create_window([{str(photos)!r}])
window.show()
person = ScriptedPerson(window)
person.wait(lambda: person.workspace.pixels is not None, "decoded")
person.workspace.set_find_with("classic")
person.canvas.set_tool("point")
person.click(200, 150)
person.answer()
person.accept()
print([m for m in ("torch", "transformers", "diffusers", "segment_anything") if m in sys.modules])
window.close()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().splitlines()[-1] == "[]"
